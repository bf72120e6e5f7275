// Entity ids and the codes in them.

const SCHOOL = /^https?:\/\/[^/?#\s]+(?:\/[^?#\s]*)?\/schools\/([0-9]{10})$/;
const AUTHORITY = /^https?:\/\/[^/?#\s]+(?:\/[^?#\s]*)?\/authorities\/([0-9]{6})$/;
const STATUS_SERVICE = /^https?:\/\/[^/?#\s]+(?:\/[^?#\s]*)?\/authorities\/([0-9]{6})\/status$/;

/** Return the 10-digit school code of a school's entity id, or null. */
export const schoolCode = (id) => SCHOOL.exec(id)?.[1] ?? null;

/** Return the 6-digit administrative code of an authority's entity id, or null. */
export const authorityCode = (id) => AUTHORITY.exec(id)?.[1] ?? null;

/** Return the 6-digit code of the authority behind a status service's entity id, or null. */
export const statusServiceCode = (id) => STATUS_SERVICE.exec(id)?.[1] ?? null;

/** Return the code as log entries write it: 10 digits, administrative codes padded with zeros; null for a stranger. */
export const entryCode = (id) => schoolCode(id) ?? (authorityCode(id) ?? statusServiceCode(id))?.padStart(10, "0") ?? null;
