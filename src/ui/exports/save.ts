/** Files and the clipboard. Everything is made on the page and stays on this machine. */

export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function textBlob(text: string, type: string): Blob {
  return new Blob([text], { type: `${type};charset=utf-8` });
}

/** Browsers draw no larger edge. */
const LARGEST = 16_000;

/** An SVG file as a bitmap, at twice its size where that fits. */
export async function pngOf(svg: string, width: number, height: number): Promise<Blob> {
  const url = URL.createObjectURL(textBlob(svg, "image/svg+xml"));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const scale = Math.min(2, LARGEST / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const ctx = canvas.getContext("2d");
    if (ctx === null) throw new Error("this browser gives no canvas");
    ctx.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise<Blob>((done, failed) =>
      canvas.toBlob(
        (b) => (b === null ? failed(new Error("the picture is too large for this browser")) : done(b)),
        "image/png",
      ),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}
