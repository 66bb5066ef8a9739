// The keyboard: the keys of secam-view's window, and some for what only the page has.

const actions = new Map([
  ["i", "details"], ["m", "motion"], ["f", "fullscreen"], ["s", "snapshot"], ["q", "account"],
  ["0", "all"], ["Escape", "all"], ["e", "events"], ["p", "mini"], ["?", "help"],
  ["ArrowLeft", "previous"], ["ArrowRight", "next"],
]);

/**
 * Calls `perform` with the name of an action, and the index of a camera for `camera`.
 *
 * @param {(name: string, index?: number) => boolean} perform returns whether the key had an effect
 */
export function listen(mode, perform) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || event.repeat) return;
    if (event.target.closest("input, dialog")) return;
    // Keys of one letter get in the way of speech input, so they can be switched off.
    if (event.key.length === 1 && !mode.get("keys")) return;
    const isCamera = /^[1-9]$/.test(event.key);
    const name = isCamera ? "camera" : actions.get(event.key);
    if (name !== undefined && perform(name, isCamera ? Number(event.key) - 1 : undefined)) event.preventDefault();
  });
}
