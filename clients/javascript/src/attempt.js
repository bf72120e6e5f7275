// Results of reading hostile input, kept until the step that has to speak of them.

/** Run `read`: `{ value }`, or `{ error }` with what it threw. */
export function attempt(read) {
  try {
    return { value: read() };
  } catch (error) {
    return { error };
  }
}

/** Return the value of an attempt, or throw its error. */
export function unwrap({ value, error }) {
  if (error !== undefined) throw error;
  return value;
}
