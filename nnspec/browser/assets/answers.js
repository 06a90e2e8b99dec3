// How likely each class is, as bars that are buttons: pressing one says that it is the right answer.

const MANY = 12; // classes; of more, those that are likely are shown
const BEFORE = "Draw something like the pictures below. It is told what it is while you draw, and while it trains.";
const THEN = "Press the right answer to let it learn from your drawing.";

export const percent = (part) => `${(part * 100).toFixed(1)} %`;

// Fill `list`; the function that is given back shows how likely the classes are, or nothing for an empty array.
export function answers(list, said, hint, classes, taught) {
  const rows = classes.map((name, label) => {
    const row = document.createElement("li"), button = document.createElement("button");
    Object.assign(button, { type: "button", title: `learn that this is ${name}` });
    button.append(...["b", "i", "span"].map((tag) => document.createElement(tag)));
    button.firstChild.textContent = name;
    button.onclick = () => taught(label);
    row.append(button);
    return row;
  });
  list.classList.toggle("named", classes.some((name) => name.length > 3));

  return (parts) => {
    const best = parts.length ? parts.indexOf(Math.max(...parts)) : -1, order = classes.map((_, label) => label);
    if (classes.length > MANY && parts.length) order.sort((a, b) => parts[b] - parts[a]);
    for (const [label, row] of rows.entries()) {
      const button = row.firstChild;
      button.className = label === best ? "best" : "";
      button.style.setProperty("--part", (parts[label] ?? 0).toFixed(4));
      button.lastChild.textContent = parts.length ? percent(parts[label]) : "";
      button.disabled = !parts.length;
    }
    const shown = order.slice(0, MANY).map((label) => rows[label]);
    if (shown.some((row, i) => list.children[i] !== row)) list.replaceChildren(...shown);
    const name = document.createElement("b");
    name.textContent = classes[best] ?? "";
    said.replaceChildren(...(best < 0 ? [] : ["This is ", name, `, it says, with ${percent(parts[best])}.`]));
    hint.textContent = parts.length ? THEN : BEFORE;
  };
}
