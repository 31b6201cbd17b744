// payOS by the npm package `@payos/node`, unmodified: payment links, their webhook, asking and cancelling.
//
// What the package does, and what is done about it here:
//  - It drops the path of its baseURL: the addresses are put right on their way out.
//  - It repeats requests that time out, a new link's too: repeats are the portal's own business.
//  - It takes an answer without any signature for a good one: the signature must be there.
//  - It signs raw values side by side, so a value may hold what looks like another field: such data is not believed.
//  - It says nothing of account, currency and amount: compared here.
import { randomInt } from 'node:crypto';

import payosNode from '@payos/node';

import { FAILED, OPEN, PAID } from './ledger.mjs';
import { overheard } from './line.mjs';

export const code = 'payos';
export const channels = { CONG: undefined, QR: undefined };

const REAL_HOST = 'https://api-merchant.payos.vn';
// payos-clients#webhook: when an address is registered it is tried out with this order, and 2xx is wanted.
const TRIAL_ORDER = 123;
// payos-clients#webhook: any 2xx ends the repeats, and of the body nothing is said.
const STATUSES = { unknown: 404, wrong_amount: 400, forged: 401, unreadable: 400, broken: 500 };
const ENDED = ['CANCELLED', 'EXPIRED', 'FAILED'];

const TEST_CONTRACT = {
    clientId: '11111111-2222-4333-8444-555555555555',
    apiKey: '66666666-7777-4888-8999-aaaaaaaaaaaa',
    checksumKey: '1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675',
};

export function open({ bankUrl, publicUrl, account = '0123499999', contract = TEST_CONTRACT, defect }) {
    const client = new payosNode.PayOS({
        ...contract,
        baseURL: REAL_HOST,
        maxRetries: 0,
        logLevel: 'off',
        fetch: (address, init) => fetch(address.replace(REAL_HOST, `${bankUrl}/payos`), init),
    });
    return { newOrderRef, start, hear, reply, returned, ask, withdraw };

    /** 13 digits: a number is all that an order may be called by here, and no more than JavaScript can hold. */
    function newOrderRef() {
        return String(10 ** 12 + randomInt(2 ** 32) * 1000 + randomInt(1000));
    }

    async function start(order) {
        const address = `${publicUrl}/return/payos`;
        const { result, raw } = await overheard(() =>
            client.paymentRequests.create({
                orderCode: Number(order.orderRef),
                amount: Number(order.amount),
                description: `LP${order.orderRef}`,
                cancelUrl: address,
                returnUrl: address,
                expiredAt: Math.floor(order.expiresAt / 1000),
            }),
        );
        if (!raw.signature || !isAbout(result, order) || !/^https?:\/\//.test(result.checkoutUrl) || !result.qrCode) {
            throw new Error('payOS made another link than was asked for');
        }
        if (order.channel === 'QR') return { type: 'qr', qr: result.qrCode };
        return { type: 'redirect', link: result.checkoutUrl };
    }

    async function hear({ body }) {
        let data;
        try {
            data = await verified(JSON.parse(body));
        } catch {
            return { effect: 'unreadable' };
        }
        if (data === null) return { effect: 'forged' };
        if (data.orderCode === TRIAL_ORDER) return { effect: 'noted' };
        if (!['orderCode', 'amount', 'accountNumber', 'reference', 'code'].every((name) => data[name] !== undefined)) {
            return { effect: 'unreadable' };
        }
        if (data.accountNumber !== account || !['VND', '', undefined, null].includes(data.currency)) {
            return { effect: 'unknown' };
        }
        return { word: wordOf(String(data.orderCode), data, data.code === '00' ? PAID : OPEN, String(data.code)) };
    }

    /** What payOS signed, null if it did not. Throws for what is no message. */
    async function verified(message) {
        if (defect === 'signature_not_checked') return message.data;
        const values = Object.entries(message.data);
        if (values.some(([name, value]) => !/^\w+$/.test(name) || /&\w+=/.test(String(value)))) return null;
        const signature = String(message.signature ?? '').toLowerCase();
        try {
            return await client.webhooks.verify({ ...message, signature });
        } catch {
            return null;
        }
    }

    function reply(effect) {
        const status = STATUSES[effect] ?? 200;
        return { status, body: { success: status === 200 } };
    }

    /** Nobody signs it: no more than a hint at an order. */
    function returned(query) {
        return new URLSearchParams(query).get('orderCode') ?? '';
    }

    async function ask(order) {
        const { result, raw } = await overheard(() => client.paymentRequests.get(order.orderRef));
        if (!raw.signature || !isAbout(result, order)) return [];
        const transfers = Array.isArray(result.transactions) ? result.transactions : [];
        const words = transfers.map((each) => wordOf(order.orderRef, each, PAID, result.status));
        if (words.length === 0 && ENDED.includes(result.status)) {
            const nothing = { amount: Number(order.amount), reference: '' };
            words.push(wordOf(order.orderRef, nothing, FAILED, result.status));
        }
        return words;
    }

    async function withdraw(order) {
        await client.paymentRequests.cancel(order.orderRef, 'Ho so da huy');
    }
}

function isAbout(link, order) {
    return String(link.orderCode) === order.orderRef && String(link.amount) === String(order.amount);
}

/** payos-clients#transactions: a link may be paid by several transfers, each with a reference of its own. */
function wordOf(orderRef, transfer, outcome, told) {
    const amount = Number.isSafeInteger(transfer.amount) && transfer.amount > 0 ? BigInt(transfer.amount) : null;
    const moneyRef = String(transfer.reference);
    return { bank: code, orderRef, moneyRef, amount, outcome, bankRef: moneyRef, code: told, arrived: true };
}
