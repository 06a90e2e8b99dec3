// Pictures of the data as small canvases.

const MOST = 48; // pictures that are shown

// The pixels of a picture, [channels, height, width] in the numbers of the data, on a canvas as large as they are.
export function canvas(pixels, [channels, height, width], { low, high }) {
  const made = document.createElement("canvas");
  Object.assign(made, { width, height });
  const image = new ImageData(width, height), area = width * height, scale = 255 / (high - low || 1);
  for (let i = 0; i < area; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = (pixels[i + (channels === 3 ? c * area : 0)] - low) * scale;
    image.data[4 * i + 3] = 255;
  }
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
}

// The first pictures that are held out; the function that is given back says what each was taken for.
export function gallery(place, images, labels, facts) {
  const each = facts.shape.reduce((a, b) => a * b), shots = [];
  for (let i = 0; i < Math.min(labels.length, MOST); i += 1) {
    const shot = document.createElement("li"), name = document.createElement("span");
    shot.append(canvas(images.subarray(i * each, (i + 1) * each), facts.shape, facts.look), name);
    place.append(shot);
    shots.push([shot, name, labels[i]]);
  }
  return (told) => {
    for (const [i, [shot, name, label]] of shots.entries()) {
      const right = told[i] === label, said = facts.classes[told[i]], true_ = facts.classes[label];
      shot.className = right ? "right" : "wrong";
      name.textContent = right ? said : `${said} ✗`;
      shot.title = right ? `${said}: right` : `taken for ${said}, is ${true_}`;
      shot.setAttribute("aria-label", shot.title);
    }
  };
}
