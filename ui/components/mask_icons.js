// Signs of the tools, drawn on 20 x 20 with the text's own colour.

const SHAPES = {
  brush: "M16.6 3.4a1.5 1.5 0 0 0-2.1 0L8 9.9l2.1 2.1 6.5-6.5a1.5 1.5 0 0 0 0-2.1zM7 10.9c-2 .2-2.4 1.5-2.6 2.8-.1 1-.6 1.7-1.6 2 2.6 1.1 6 .4 6.3-2.7z",
  eraser: "M8.5 16.5h8M3.6 12.4l7.8-7.8a1.4 1.4 0 0 1 2 0l3 3a1.4 1.4 0 0 1 0 2l-6.9 6.9H7.2l-3.6-3.6a.4.4 0 0 1 0-.5zM7.4 8.6l5 5",
  line: "M4 16 16 4M3 17.2a1.2 1.2 0 1 0 0-.1M16 4.1a1.2 1.2 0 1 0 0-.1",
  polygon: "M4 8.5 10.5 3.5 16.5 8 14 16 5.5 15.5z",
  fill: "M9.2 3 4.2 9.4a1 1 0 0 0 .2 1.4l4.6 3.7a1 1 0 0 0 1.4-.2l5-6.2zM4.4 9.8h8.8M16 12c1 1.5 1.5 2.3 1.5 3.1a1.5 1.5 0 0 1-3 0C14.5 14.3 15 13.5 16 12z",
  undo: "M7.5 4.5 4 8l3.5 3.5M4.5 8H12a4 4 0 0 1 0 8H8",
  redo: "M12.5 4.5 16 8l-3.5 3.5M15.5 8H8a4 4 0 0 0 0 8h4",
  clear: "M4.5 6h11M8 6V4.5h4V6M6 6l.7 10h6.6L14 6M8.6 8.5v5M11.4 8.5v5",
  library: "M3.5 4.5h5v5h-5zM11.5 4.5h5v5h-5zM3.5 12h5v4.5h-5zM12 14.2c0-1.5 1-2.2 2-2.2s2 .8 2 2-1 2.5-2 2.5-2-.8-2-2.3z",
  own: "M3.5 4h13v12h-13zM6 13c0-3 2-5 4-5s3 1 4 1.5-1 4-3.5 4.5-4.5 1-4.5-1z",
  last: "M10 4a6 6 0 1 1-5.5 3.6M4.2 4v3.8H8M10 7v3.3l2.3 1.6",
  upload: "M10 13V4M6.5 7.5 10 4l3.5 3.5M4 13v3h12v-3",
  download: "M10 4v9M6.5 9.5 10 13l3.5-3.5M4 13v3h12v-3",
};

/** The sign of a tool as an element. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}
