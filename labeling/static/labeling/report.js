/* A chart as PNG: its SVG file drawn in the browser. Without script the SVG is there. */
"use strict";
{
  const SCALE = 2;
  const drawn = async (address) => {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width * SCALE;
    canvas.height = image.height * SCALE;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  };
  for (const link of document.querySelectorAll("[data-png]")) {
    link.hidden = false;
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      const save = document.createElement("a");
      try {
        save.href = await drawn(link.href);
      } catch {
        // What was asked for cannot be drawn here: the SVG says the same.
        location.assign(link.href);
        return;
      }
      save.download = link.dataset.png;
      save.click();
    });
  }
}
