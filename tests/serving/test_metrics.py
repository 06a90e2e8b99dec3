"""/metrics as Prometheus reads it, and the numbers in it."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.serving.conftest import Running, flowers, serving


def samples(running: Running) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every number by name and labels."""
    reply = running.get("/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(reply.body.decode()))
    assert all(family.documentation and family.type in ("counter", "gauge", "histogram") for family in families)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_what_happened_is_counted() -> None:
    with serving(("flowers", "half")) as running:
        for rows in (1, 1, 3):
            running.infer("flowers", flowers([[1, 2, 3, 4]] * rows))
        running.infer("flowers", b"{")
        running.infer("nobody", b"{")
        running.get("/nowhere")
        found = samples(running)

    def value(name: str, **labels: Any) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert value("nnspec_requests_total", model="flowers", code="200") == 3
    assert value("nnspec_requests_total", model="flowers", code="400") == 1
    assert value("nnspec_requests_total", model="", code="404") == 2
    assert value("nnspec_rows_total", model="flowers") == 5 and value("nnspec_rows_total", model="half") == 0
    assert value("nnspec_batch_rows_bucket", model="flowers", le="1") == 2
    assert value("nnspec_batch_rows_bucket", model="flowers", le="4") == 3
    assert value("nnspec_batch_rows_sum", model="flowers") == 5
    for name in ("request", "queue", "compute"):
        counted = value(f"nnspec_{name}_duration_seconds_count", model="flowers")
        assert counted == (4 if name == "request" else 3)
        assert counted == value(f"nnspec_{name}_duration_seconds_bucket", model="flowers", le="+Inf")
        assert 0 < value(f"nnspec_{name}_duration_seconds_sum", model="flowers") < 5
    assert value("nnspec_ready") == 1 and value("nnspec_queue_requests", model="flowers") == 0
    assert value("nnspec_requests_in_flight") == 1  # this one
    assert value("process_resident_memory_bytes") > 1e6 and value("process_cpu_seconds_total") > 0


def test_no_client_makes_new_labels(server: Running) -> None:
    server.infer("nobody", b"{}")
    before = len(samples(server)) and len(samples(server))
    for name in range(20):
        server.infer(f"model{name}", b"{}")
    assert len(samples(server)) == before
