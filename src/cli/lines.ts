/** Lines of a big text, one at a time: no array of all of them is made. */
export function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    if (end < 0) {
      yield text.slice(at);
      return;
    }
    yield text.slice(at, end);
    at = end + 1;
  }
}

/** The first line that is not empty. */
export function firstLine(text: string): string {
  for (const line of linesOf(text)) if (line.trim() !== "") return line;
  return "";
}
