// Instants: UTC inside, GMT+7 on the wire, whatever time zone the machine believes to be in.

const VIETNAM_MS = 7 * 3_600_000;

/** 20261122120500 (a number, as the npm client wants it) of milliseconds since 1970. */
export function compact(at) {
    return Number(new Date(at + VIETNAM_MS).toISOString().replace(/\D/g, '').slice(0, 14));
}
