// The portal over HTTP: banks' callbacks, citizens' pages and the office's interface. Rule: a bank always gets an
// answer in its own form, never a page, a redirect or a trace.
import { createServer } from 'node:http';

import { dong } from './ledger.mjs';
import { feeOf, Refused } from './portal.mjs';

const BODY_MAX = 200_000;
// Longer than any client keeps an idle connection, or it would send on one that is being closed here.
const KEEP_ALIVE_MS = 75_000;

const STATES = {
    CHO_NOP: 'Chờ nộp lệ phí',
    DA_NOP: 'Đã nộp lệ phí',
    THAT_BAI: 'Thanh toán không thành công',
    DA_HUY: 'Hồ sơ đã hủy',
    HOAN_MOT_PHAN: 'Đã hoàn một phần lệ phí',
    DA_HOAN: 'Đã hoàn lệ phí',
};

export function serve(portal) {
    const server = createServer((request, response) => {
        answer(portal, request).then(
            ({ status = 200, body, html }) => {
                const type = html === undefined ? 'application/json' : 'text/html; charset=utf-8';
                response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' });
                response.end(html ?? JSON.stringify(body));
            },
            () => response.destroy(), // The request broke off: there is nobody to answer.
        );
    });
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    return server;
}

async function answer(portal, request) {
    if (!URL.canParse(request.url, 'http://portal')) return { status: 400, body: { error: 'no such address' } };
    const url = new URL(request.url, 'http://portal');
    const [area, ...rest] = url.pathname.split('/').slice(1);
    const body = await bodyOf(request);
    if (area === 'callbacks') return hear(portal, rest[0], { kind: rest[1], query: url.search.slice(1), body });
    try {
        if (area === 'return') return returned(portal, rest[0], url.search.slice(1));
        if (area === 'tra-cuu') return lookedUp(portal, url.searchParams.get('ma') ?? '');
        if (area === 'api') return await office(portal, `${request.method} ${rest.join('/')}`, { url, body, request });
        if (area === 'healthz') return { body: { ready: true } };
        throw new Refused(404, 'there is nothing here');
    } catch (error) {
        if (error instanceof Refused) return { status: error.status, body: { error: error.message } };
        console.error(error);
        return { status: 500, body: { error: 'the portal failed' } };
    }
}

async function hear(portal, bank, message) {
    const counterpart = portal.banks[bank];
    if (!counterpart) return { status: 404, body: { error: 'no such bank' } };
    try {
        return await portal.hear(bank, message);
    } catch (error) {
        console.error(error);
        return counterpart.api.reply('broken', message);
    }
}

async function office(portal, path, { url, body, request }) {
    const [, dossier = '', verb] = /^\w+ dossiers\/([\w.-]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (path === 'POST payments') {
        return { status: 201, body: await portal.open(object(body), request.socket.remoteAddress ?? '127.0.0.1') };
    }
    if (path === 'POST jobs') return { body: { asked: await portal.runJobs(url.searchParams.get('dossier') ?? '') } };
    if (request.method === 'GET' && dossier && !verb) return { body: view(portal.status(dossier)) };
    if (request.method === 'POST' && verb === 'cancel') {
        await portal.cancel(dossier);
        return { body: view(portal.status(dossier)) };
    }
    if (request.method === 'POST' && verb === 'refunds') {
        const { amount = null, key = '' } = object(body);
        const refund = await portal.refund(dossier, amount === null ? null : feeOf(amount), String(key));
        const status = { done: 200, asked: 202, refused: 409 }[refund.state];
        return { status, body: { state: refund.state, amount: String(refund.amount) } };
    }
    throw new Refused(404, 'there is nothing here');
}

/** Amounts as text: no reader's numbers are too small for them. */
function view({ dossier, state, paid, given, due, receipts }) {
    return {
        code: dossier.code,
        state,
        fee: String(dossier.fee),
        paid: String(paid),
        refunded: String(given),
        to_give_back: String(due),
        receipts,
        orders: dossier.orders.map(({ bank, orderRef, state: of }) => ({ bank, order: orderRef, state: of })),
        oddities: dossier.oddities,
    };
}

/** For anyone who knows the code: what is owed, and by nobody's name. */
function lookedUp(portal, code) {
    const { dossier, state } = portal.status(code);
    return { body: { ma_ho_so: dossier.code, le_phi: String(dossier.fee), tinh_trang: STATES[state] } };
}

/** The browser comes back: the page shows what the books say, whatever the address says. */
function returned(portal, bank, query) {
    const { api } = portal.banks[bank] ?? {};
    const order = api?.returned && portal.ledger.order(bank, api.returned(query));
    if (!order) return page('Không tìm thấy giao dịch', 'Vui lòng tra cứu theo mã hồ sơ.');
    const { dossier, state } = portal.status(order.code);
    return page(STATES[state], `Hồ sơ ${dossier.code}, lệ phí ${dong(dossier.fee)}.`);
}

function page(title, text) {
    const [head, line] = [escaped(title), escaped(text)];
    const html = `<!doctype html><html lang="vi"><title>${head}</title><h1>${head}</h1><p>${line}</p></html>`;
    return { html };
}

function escaped(text) {
    return text.replace(/[&<>"']/g, (letter) => `&#${letter.codePointAt(0)};`);
}

function object(body) {
    try {
        const found = JSON.parse(body);
        if (found !== null && typeof found === 'object' && !Array.isArray(found)) return found;
    } catch {
        // Answered like any other body that is no object.
    }
    throw new Refused(422, 'a JSON object is wanted');
}

/** "" for what is too long to be a message. */
async function bodyOf(request) {
    const parts = [];
    let length = 0;
    for await (const part of request) {
        length += part.length;
        if (length <= BODY_MAX) parts.push(part);
    }
    return length > BODY_MAX ? '' : Buffer.concat(parts).toString('utf8');
}
