// The settings of the page: input fields, read with their rules.

const SETTINGS = ["top_k", "typical", "top_p", "min_p", "repeat_penalty", "repeat_window", "length", "seed"];

class Settings {
  /** changed: called after each change. */
  constructor(changed) {
    this.fields = SETTINGS.map((name) => document.getElementById(name));
    this.temperature = document.getElementById("temperature");
    this.degrees = document.getElementById("degrees");
    for (const field of [this.temperature, ...this.fields]) {
      field.addEventListener("input", () => {
        this.check();
        changed();
      });
    }
    this.check();
  }

  /** Show the temperature, and mark fields whose values break their rules. */
  check() {
    this.degrees.textContent = Number(this.temperature.value).toFixed(2);
    for (const field of this.fields) {
      const broken = !follows(field);
      field.setAttribute("aria-invalid", broken);
      document.getElementById(field.id + "-hint").classList.toggle("broken", broken);
    }
  }

  /** Return the value of each setting; null where a field is empty or breaks its rule. */
  values() {
    const given = this.fields.map((field) =>
      [field.id, field.value !== "" && follows(field) ? Number(field.value) : null]);
    const values = Object.fromEntries(given);
    const byDefault = (name) => Number(document.getElementById(name).defaultValue);
    values.temperature = Number(this.temperature.value);
    values.length ??= byDefault("length");
    values.repeat_window ??= byDefault("repeat_window");
    return values;
  }
}

/** Return whether a field's value follows its rule: min, max and step, and whether 0 itself is allowed. */
function follows(field) {
  return field.validity.valid && !("above" in field.dataset && field.value !== "" && Number(field.value) <= 0);
}
