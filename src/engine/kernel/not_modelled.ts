/** Thrown when a caller reaches something that this model does not have. Never for what a real kernel would refuse. */
export class NotModelled extends Error {
  constructor(what: string) {
    super(`not modelled: ${what}`);
    this.name = "NotModelled";
  }
}
