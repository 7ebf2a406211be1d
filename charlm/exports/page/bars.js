// The likeliest next symbols as bars.

const ROWS = 10;

class Bars {
  /** table: the element to fill. symbols: their names. choose: called with the id of the symbol whose button is pressed. */
  constructor(table, symbols, choose) {
    this.symbols = symbols;
    this.table = table;
    this.ids = Array.from(symbols.names.keys()).filter((id) => id !== symbols.unknown);
    this.rows = Array.from({ length: Math.min(ROWS, this.ids.length) }, () => {
      const row = table.tBodies[0].insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      const button = document.createElement("button");
      button.type = "button";
      head.append(button);
      row.append(head);
      const track = element("div", ""), bar = element("div", "");
      track.className = "track";
      bar.className = "bar";
      track.append(bar);
      row.insertCell().append(track);
      const made = { row, button, bar, chance: row.insertCell(), own: row.insertCell(), id: -1 };
      button.addEventListener("click", () => choose(made.id));
      return made;
    });
  }

  /** Show probabilities, and those of the model itself, which differ from them after filters. */
  show(probabilities, own, changed) {
    const order = this.ids.slice().sort((a, b) =>
      probabilities[b] - probabilities[a] || own[b] - own[a] || a - b);
    this.table.classList.toggle("changed", changed);
    this.rows.forEach((made, place) => {
      const id = order[place], name = this.symbols.name(id);
      if (made.id !== id) {
        made.id = id;
        made.button.textContent = name;
        made.button.setAttribute("aria-label", name + ": add it to the text");
      }
      made.bar.style.width = (100 * probabilities[id]).toFixed(2) + "%";
      made.chance.textContent = probabilities[id] === 0 ? "removed" : percent(probabilities[id]);
      made.own.textContent = percent(own[id]);
      made.row.classList.toggle("removed", probabilities[id] === 0);
    });
  }
}

function percent(probability) {
  return 100 * probability < 0.05 ? "<0.1%" : (100 * probability).toFixed(1) + "%";
}
