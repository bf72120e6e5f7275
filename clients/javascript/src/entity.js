// Entity ids, in one spelling only: they are compared as text.

const ENTITY =
  /^https?:\/\/[a-z0-9.\-[\]:]+(?:\/[A-Za-z0-9._~-]+)*\/(?:schools\/(?<school>[0-9]{10})|authorities\/(?<authority>[0-9]{6})(?<status>\/status)?)$/;

/**
 * Read an entity id: `{ id, kind, code, province }` with `kind` school, authority or status, and
 * `code` as log entries write it (10 digits, administrative codes padded with zeros). Null for a stranger.
 */
export function entityOf(id) {
  const found = typeof id === "string" && id.length <= 255 ? ENTITY.exec(id)?.groups : undefined;
  if (found === undefined) return null;
  if (found.school !== undefined) {
    // Digits 1-2 of a school code are its type, digits 3-4 its province.
    return { id, kind: "school", code: found.school, province: found.school.slice(2, 4) };
  }
  const kind = found.status === undefined ? "authority" : "status";
  return { id, kind, code: found.authority.padStart(10, "0"), province: found.authority.slice(0, 2) };
}

/** Return the 10-digit code of a school's entity id, or null. */
export function schoolCode(id) {
  const entity = entityOf(id);
  return entity?.kind === "school" ? entity.code : null;
}
