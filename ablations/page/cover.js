// Owns: what came of it, covered until the reader asks for it, and while the lesson asks the reader: a prediction needs an
// open end. Does not own: what is said of it (story.js), the future of curves (frame.js).

export const OPEN_TITLE = "Does an attention sink form?";

// Covers what is of class `outcome`, and the title that tells it; section 5 only from the lesson's reader.
export function cover(page) {
  const asks = page.lesson?.place() >= 0,
    covered = asks || !page.state.results;
  document.body.classList.toggle("covered", covered);
  document.body.classList.toggle("asks", asks);
  document.getElementById("title").textContent = covered ? OPEN_TITLE : page.title;
  const button = document.getElementById("results-show");
  button.textContent = covered ? "Show the results" : "Cover the results";
  button.setAttribute("aria-expanded", String(!covered));
}

// The button: who asks for results gets the figures at their end, too.
export function startCover(page) {
  document.getElementById("results-show").addEventListener("click", () => {
    const results = document.body.classList.contains("covered");
    page.lesson.close();
    page.set({ results });
    if (!results) return;
    page.stop();
    page.goTo(1);
  });
}
