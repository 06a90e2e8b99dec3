"""E4xx: the data, train, export and require sections."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry

MODEL = """nnspec 1

model example {
  input x: float32[N, 4]
  logits = dense(3)
}
"""
DATA = """
data {
  train = csv("rows.csv")
  x     = ["a", "b", "c", "d"]
  kind  = "kind"
}
"""
TRAIN = """
train {
  target kind: label[N]
  loss      = cross_entropy(logits, kind)
  optimizer = adam(lr = 0.01)
  epochs    = 10
}
"""
GOOD = MODEL + DATA + TRAIN
STOPPED = GOOD.replace("epochs    = 10", 'epochs    = 10\n  early_stop = patience(5, monitor = "validation.loss")')

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "E401",
        "require knows no such quantity",
        """Budgets are stated for params, macs, size and activation_memory; signatures for inputs, outputs and
        values.""",
        MODEL + "\nrequire { parameters <= 20 }\n",
        MODEL + "\nrequire { params <= 20 }\n",
    ),
    Entry(
        "E403",
        "no such loss, metric, optimizer, schedule or source",
        """Each place takes components of one kind; the help names the nearest one, or lists them all.""",
        GOOD.replace("adam(", "adma("),
        GOOD,
    ),
    Entry(
        "E404",
        "a data entry that feeds nothing",
        """Besides train, validation, test, shuffle and augment, every key of the data section is an input of the
        model or a target of the train section.""",
        GOOD.replace("kind  =", "knd   ="),
        GOOD,
    ),
    Entry(
        "E405",
        "nothing feeds an input or target",
        """Where there is a data section, it says for every input and target which column, array or list of columns
        feeds it. `synthetic` rows need no feeds.""",
        GOOD.replace('  kind  = "kind"\n', ""),
        GOOD,
    ),
    Entry(
        "E408",
        "the loss is not a number",
        """Training makes one number smaller. Losses turn values into it; sums and weights of losses are losses.""",
        GOOD.replace("cross_entropy(logits, kind)", "logits"),
        GOOD,
    ),
    Entry(
        "E410",
        "a setting has a value that it cannot have",
        """Feeds are names of columns, one for each feature of the input; metrics are calls; limits are numbers with
        a fitting unit; an augmentation changes an input that is images, or the one that `on` names.""",
        GOOD.replace('["a", "b", "c", "d"]', '["a", "b", "c"]'),
        GOOD,
    ),
    Entry(
        "E411",
        "a pattern that matches nothing",
        """freeze and the `on` of a penalty name parameters by patterns over their paths, in which `*` crosses dots. A
        pattern that matches no parameter is a mistake: what was meant to be frozen would be trained.""",
        GOOD.replace("epochs    = 10", 'epochs    = 10\n  freeze    = ["head.*"]'),
        GOOD.replace("epochs    = 10", 'epochs    = 10\n  freeze    = ["*.bias"]'),
    ),
    Entry(
        "E412",
        "something is monitored that is not measured",
        """Early stopping and schedules watch `train.…` or `validation.…`: the loss, or a metric of the train section by
        the name that it is reported with. What begins with `validation.` needs a `validation` in the data section.""",
        STOPPED,
        STOPPED.replace('csv("rows.csv")', 'csv("rows.csv")\n  validation = 0.2'),
    ),
)
