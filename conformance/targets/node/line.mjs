// The portal's line to the banks. Rule: every answer is bounded in time and size, and no redirect is followed.
//
// The npm clients call the global `fetch` and give it no time limit, so it is replaced by a bounded one. The line also
// hands out the answer's text as it came, for `vnpay` changes some fields before one can check their signature.
import { AsyncLocalStorage } from 'node:async_hooks';

const ANSWER_MAX = 1_000_000;
const WITHOUT_BODY = [101, 204, 205, 304];
const heard = new AsyncLocalStorage();
const wire = globalThis.fetch;

export function boundFetch(timeoutMs) {
    globalThis.fetch = async (address, init = {}) => {
        const limit = AbortSignal.timeout(timeoutMs);
        const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
        const answer = await wire(address, { ...init, redirect: 'error', signal });
        const text = await bodyOf(answer);
        const note = heard.getStore();
        if (note) note.text = text;
        const kind = answer.headers.get('content-type') ?? '';
        const body = WITHOUT_BODY.includes(answer.status) ? null : text;
        return new Response(body, { status: answer.status, headers: { 'content-type': kind } });
    };
}

/** What `call` made of the answer, and the answer's JSON object as it came. */
export async function overheard(call) {
    const note = { text: '' };
    const result = await heard.run(note, call);
    const raw = JSON.parse(note.text);
    if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) throw new Error('the answer is no JSON object');
    return { result, raw };
}

async function bodyOf(answer) {
    const parts = [];
    let length = 0;
    for await (const part of answer.body ?? []) {
        length += part.length;
        if (length > ANSWER_MAX) throw new Error('the answer is too long');
        parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
}
