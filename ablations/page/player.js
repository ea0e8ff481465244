// Owns: the slider: moving to a step by hand, by key or by playing, at most once a frame.
// Does not own: what moves with it (main.js).

const PLAY_MS = 12000; // from the first step to the last

// move(index) is called with places on the slider, from 0.
export function makePlayer(move) {
  const slider = document.getElementById("step"),
    button = document.getElementById("play");
  let frame = 0,
    playing = 0;
  const last = () => +slider.max;
  const goTo = (index) => {
    slider.value = index;
    move(+slider.value);
  };
  const stop = () => {
    cancelAnimationFrame(playing);
    playing = 0;
    button.textContent = "▶";
    button.setAttribute("aria-label", "Play");
  };
  const play = () => {
    const from = +slider.value >= last() ? 0 : +slider.value;
    let start = null;
    const tick = (now) => {
      start ??= now;
      const index = Math.min(from + Math.floor(((now - start) / PLAY_MS) * last()), last());
      goTo(index);
      if (index < last()) playing = requestAnimationFrame(tick);
      else stop();
    };
    stop();
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "Pause");
    playing = requestAnimationFrame(tick);
  };
  slider.addEventListener("input", () => {
    stop();
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => move(+slider.value));
  });
  const toggle = () => (playing ? stop() : play());
  button.addEventListener("click", toggle);
  // Places forward or back.
  const by = (places) => {
    stop();
    goTo(+slider.value + places);
  };
  return { stop, play, toggle, by, goTo, setLast: (index) => (slider.max = index) };
}
