/** Return an element with some words in it. */
function element(tag, words) {
  const node = document.createElement(tag);
  node.textContent = words;
  return node;
}

/**
 * Let people choose a character of a coloured text with the pointer or the keyboard, and see more of it.
 *
 * text: an element with a span for each character. details: the element that shows a character's note. notes: for each
 * character its symbol, a note, and likely symbols with their probabilities.
 */
function readable(text, details, notes) {
  const spans = Array.from(text.children);
  let chosen = -1;

  spans.forEach((span, place) => {
    span.setAttribute("role", "option");
    span.dataset.place = place;
    unselect(span);
  });

  function name(symbol) {
    return symbol === " " ? "space" : symbol;
  }

  function unselect(span) {
    span.setAttribute("aria-selected", "false");
    span.removeAttribute("id");
    if (span.textContent === " ") {  // which has no name of its own
      span.setAttribute("aria-label", name(" "));
    } else {
      span.removeAttribute("aria-label");
    }
  }

  function show(place) {
    const [symbol, note, alternatives] = notes[place];
    const parts = [element("p", "Character " + (place + 1) + ": " + name(symbol)), element("p", note)];
    if (alternatives.length) {
      const table = document.createElement("table");
      table.append(element("caption", "Likeliest here"));
      for (const [other, probability] of alternatives) {
        const row = document.createElement("tr");
        const head = element("th", name(other));
        head.scope = "row";
        row.append(head, element("td", (100 * probability).toFixed(2) + "%"));
        table.append(row);
      }
      parts.push(table);
    }
    details.replaceChildren(...parts);
  }

  function choose(place) {
    place = Math.max(0, Math.min(spans.length - 1, place));
    if (chosen >= 0) { unselect(spans[chosen]); }
    chosen = place;
    const span = spans[place];
    span.id = text.id + "-chosen";
    span.setAttribute("aria-selected", "true");
    span.setAttribute("aria-label", name(notes[place][0]) + ", " + notes[place][1]);
    text.setAttribute("aria-activedescendant", span.id);
    const box = span.getBoundingClientRect(), frame = text.getBoundingClientRect();
    if (box.top < frame.top) { text.scrollTop -= frame.top - box.top + 8; }
    if (box.bottom > frame.bottom) { text.scrollTop += box.bottom - frame.bottom + 8; }
    show(place);
  }

  function nextRow(down) {
    const here = spans[chosen].getBoundingClientRect();
    const step = down ? 1 : -1;
    let best = chosen, row = null;
    for (let place = chosen + step; place >= 0 && place < spans.length; place += step) {
      const box = spans[place].getBoundingClientRect();
      if (Math.abs(box.top - here.top) < 4) { continue; }
      if (row === null) { row = box.top; best = place; }
      if (Math.abs(box.top - row) >= 4) { break; }
      if (Math.abs(box.left - here.left) < Math.abs(spans[best].getBoundingClientRect().left - here.left)) {
        best = place;
      }
    }
    return best;
  }

  function edge(step) {
    const top = spans[chosen].getBoundingClientRect().top;
    let place = chosen;
    while (spans[place + step] && Math.abs(spans[place + step].getBoundingClientRect().top - top) < 4) {
      place += step;
    }
    return place;
  }

  text.addEventListener("focus", () => { if (chosen < 0 && spans.length) { choose(0); } });
  text.addEventListener("keydown", (event) => {
    if (chosen < 0 || event.ctrlKey || event.altKey || event.metaKey) { return; }
    const moves = {
      ArrowLeft: () => chosen - 1, ArrowRight: () => chosen + 1,
      ArrowUp: () => nextRow(false), ArrowDown: () => nextRow(true),
      Home: () => edge(-1), End: () => edge(1),
    };
    if (moves[event.key]) { event.preventDefault(); choose(moves[event.key]()); }
  });
  text.addEventListener("pointerover", (event) => {
    if (event.target.dataset.place !== undefined) { show(Number(event.target.dataset.place)); }
  });
  text.addEventListener("click", (event) => {
    if (event.target.dataset.place !== undefined) { choose(Number(event.target.dataset.place)); }
  });
}
