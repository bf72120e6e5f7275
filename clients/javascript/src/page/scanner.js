// The camera as a QR reader (jsQR). Loaded only when somebody wants to scan.

import jsQR from "jsqr";

const EVERY = 180; // Milliseconds between looks: a phone stays cool.
const WIDTH = 720;

/**
 * Read QR codes from the back camera into `video`; call `found(text)` for each new text until it
 * returns false. Returns a function that stops the camera.
 */
export async function scan(video, found) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: "environment", width: { ideal: 1280 } } });
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let [timer, last] = [0, ""];
  const stop = () => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  const look = () => {
    if (video.readyState < video.HAVE_CURRENT_DATA || document.hidden) return;
    const scale = Math.min(1, WIDTH / video.videoWidth);
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const text = jsQR(data, canvas.width, canvas.height, { inversionAttempts: "dontInvert" })?.data ?? "";
    if (text === "" || text === last) return;
    last = text;
    if (!found(text)) stop();
  };
  try {
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    stop();
    throw error;
  }
  timer = setInterval(look, EVERY);
  return stop;
}
