// What the gates measured and where their limits lie: which samples pass, and how many. No page, no network.

export class GateBook {
  constructor() {
    this.gates = [];
    this.rowOf = new Map();
    this.numbers = {};
    this.values = [];
  }

  /** Takes /kizu/gates. */
  load({ gates, ids, numbers, values }) {
    this.gates = gates;
    this.numbers = numbers;
    this.values = values;
    this.rowOf = new Map(ids.map((id, row) => [id, row]));
  }

  gate(name) {
    return this.gates.find((gate) => gate.name === name);
  }

  isMeasured(id) {
    return this.rowOf.has(id);
  }

  /** A gate's number of a sample, or null. */
  number(name, id) {
    const row = this.rowOf.get(id);
    return row === undefined ? null : (this.numbers[name]?.[row] ?? null);
  }

  /** What a sample is worth to a classifier, or null. */
  value(id) {
    return this.values[this.rowOf.get(id)] ?? null;
  }

  /** Names of the gates that a sample fails. */
  failed(id) {
    return this.gates.filter((gate) => !this.passes(gate, this.number(gate.name, id))).map((gate) => gate.name);
  }

  /** A gate that has no number of a sample lets it pass. */
  passes({ side, limit }, value) {
    if (value === null) return true;
    if (side === "least") return value >= limit;
    return (side === "within" ? Math.abs(value) : value) <= limit;
  }

  /** How far a number lies on the wrong side: the larger, the worse. */
  badness(name, id) {
    const value = this.number(name, id);
    if (value === null) return null;
    const { side } = this.gate(name);
    return side === "least" ? -value : side === "within" ? Math.abs(value) : value;
  }
}
