// VietinBank bill collection by own code, in the flat format: the bank asks what a bill owes, then tells that it was
// paid. Values are signed side by side without a separator, so each is held to its own form, and an amount that is not
// the bill's is never kept: a digit may have wandered into it from its neighbour under the same signature.
import { createPrivateKey, createPublicKey, randomInt, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { OPEN, PAID } from './ledger.mjs';
import { compact } from './moments.mjs';

export const code = 'vietinbank';
export const channels = { HOA_DON: undefined };

// vietinbank-thvqr-1-0#inq-bill, vietinbank-notify-1-0-0#signature: what is absent or empty leaves no trace.
const SIGNED = {
    inquiry: ['transId', 'channelId', 'transTime', 'transType', 'custCode', 'custName', 'custAcct'],
    notice: ['transId', 'transTime', 'custCode', 'amount', 'bankTransId', 'remark'],
};
const SIGNED_REPLY = {
    inquiry: [
        ...['transId', 'channelId', 'transTime', 'transType', 'custCode', 'custName'],
        ...['billId', 'billTerm', 'amount', 'errorCode'],
    ],
    notice: ['transId', 'errorCode', 'errorDesc'],
};
// vietinbank-notify-1-0-0#trans-type: D is money that went out.
const INCOME = ['', 'C', 'O', '1', '2', '3', 'COLLECTION'];
// vietinbank-y3-1-4-1#codes: 05 says "I have it already", 02 also stands for a bill that is not owed any more.
const REPLIES = {
    settled: ['00', 'Giao dịch thành công'],
    due: ['00', 'Giao dịch thành công'],
    failed: ['00', 'Giao dịch thành công'],
    noted: ['00', 'Giao dịch thành công'],
    repeated: ['05', 'Giao dịch đã ghi nhận trước đó'],
    unknown: ['02', 'Không có khoản phải nộp'],
    wrong_amount: ['03', 'Số tiền không khớp'],
    forged: ['01', 'Chữ ký số không hợp lệ'],
    unreadable: ['99', 'Không đọc được thông báo'],
    broken: ['99', 'Lỗi hệ thống'],
};
// Letters and digits that nobody confuses when they are read aloud at a counter.
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
const KEYS = new URL('../../../fixtures/keys/', import.meta.url);

export function open({ providerId = '9111', defect }) {
    const ownKey = createPrivateKey(readFileSync(new URL('biller_private.pem', KEYS)));
    const bankKey = createPublicKey(readFileSync(new URL('vietinbank_public.pem', KEYS)));
    return { isBill: true, newOrderRef, start, hear, reply, isQuestion, answer };

    /** A bill's code: the day, and ten letters and digits that are drawn. */
    function newOrderRef(at) {
        const drawn = Array.from({ length: 10 }, () => ALPHABET[randomInt(ALPHABET.length)]);
        return `H49${String(compact(at)).slice(2, 8)}${drawn.join('')}`;
    }

    async function start(order) {
        return { type: 'bill', bill: order.orderRef };
    }

    function isQuestion({ kind }) {
        return kind === 'inquiry';
    }

    /** What is owed, by `owed(orderRef)`: null = nothing, else the dossier. */
    function answer(message, owed) {
        const asked = read(message);
        if (asked.effect) return said(message, asked.effect);
        const dossier = owed(asked.custCode);
        const known = pick(asked, ['channelId', 'transTime', 'transType', 'custCode']);
        if (!dossier) return said(message, 'unknown', known);
        const amount = String(dossier.fee);
        const bill = { custName: dossier.payer, billId: asked.custCode, amount, amountMin: amount };
        return said(message, 'settled', { ...known, ...bill, currencyCode: 'VND' });
    }

    function hear(message) {
        const told = read(message);
        if (told.effect) return told;
        if (!told.amount) return { effect: 'unreadable' };
        // vietinbank-notify-1-0-0#currency: outside the signature, and only dong are collected.
        if (!['', 'VND'].includes(told.currencyCode ?? '')) return { effect: 'wrong_amount' };
        const transType = told.transType ?? '';
        const word = {
            bank: code,
            orderRef: told.custCode,
            // vietinbank-y3-1-4-1#counter: a bill may be paid at several places; each payment has its own number.
            moneyRef: told.transId,
            amount: /^\d{1,15}$/.test(told.amount) ? BigInt(told.amount) : null,
            outcome: INCOME.includes(transType) ? PAID : OPEN,
            bankRef: told.bankTransId ?? '',
            code: transType,
        };
        return { word };
    }

    function reply(effect, message) {
        return said(message, effect);
    }

    /** The fields of a message that the bank signed, as text; else the effect of one that is not believed. */
    function read({ body, kind }) {
        const fields = textsOf(body);
        if (!fields || !SIGNED[kind]) return { effect: 'unreadable' };
        const signed = joined(fields, SIGNED[kind]);
        const signature = Buffer.from(fields.signature ?? '', 'base64');
        const isTheBanks = verify('sha256', Buffer.from(signed), bankKey, signature);
        if (!isTheBanks && defect !== 'signature_not_checked') return { effect: 'forged' };
        if (!isNumber(fields.transId) || !isTime(fields.transTime) || !fields.custCode) return { effect: 'unreadable' };
        if (fields.providerId !== providerId) return { effect: 'unknown' };
        return fields;
    }

    function said({ body, kind }, effect, more = {}) {
        const [errorCode, errorDesc] = REPLIES[effect];
        // What cannot be a number is not repeated, for whatever is repeated here is signed.
        const asked = textsOf(body)?.transId;
        const transId = isNumber(asked) ? asked : '';
        const told = { providerId, transId, ...more, errorCode, errorDesc };
        const text = joined(told, SIGNED_REPLY[kind] ?? SIGNED_REPLY.notice);
        const signature = sign('sha256', Buffer.from(text), ownKey).toString('base64');
        return { status: 200, body: { ...told, signature } };
    }
}

/** A JSON object's fields as texts; null for what is none. */
function textsOf(body) {
    let found;
    try {
        found = JSON.parse(body);
    } catch {
        return null;
    }
    if (found === null || typeof found !== 'object' || Array.isArray(found)) return null;
    const given = Object.entries(found).filter(([, value]) => ['string', 'number'].includes(typeof value));
    return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

function isNumber(text) {
    return /^[A-Za-z0-9._-]{1,50}$/.test(text ?? '');
}

/** yyyyMMddHHmmss of this century. */
function isTime(text) {
    const [, year, month, day, hour, minute, second] =
        /^(20\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text ?? '')?.map(Number) ?? [];
    const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
    return !Number.isNaN(at.getTime()) && at.toISOString().replace(/\D/g, '').startsWith(text);
}

function joined(fields, names) {
    return names.map((name) => fields[name] ?? '').join('');
}

function pick(fields, names) {
    return Object.fromEntries(names.filter((name) => fields[name]).map((name) => [name, fields[name]]));
}
