// VNPAY by the npm package `vnpay`, unmodified: pay address, QR, IPN, return, queryDr and refund.
//
// What the package does, and what is done about it here:
//  - It takes its default time from the machine's time zone: every time is given to it.
//  - It reports "success" from vnp_ResponseCode alone, signature or not: only isVerified is read, and then both codes.
//  - It does not compare the merchant, nor the amount with the order's: done here.
//  - An amount that is no number makes it throw before it has looked at the signature: caught.
//  - It compares signatures letter by letter: they are handed over in lower case.
//  - It signs whatever it is given, so a return with the portal's own parameters fails: only vnp_ fields are given.
//  - It takes an answer without any signature for verified, and an answer's own "isVerified" and "isSuccess" overwrite
//    its judgement: the fields are read from the answer as it came.
//  - It divides a refund answer's amount before it computes the signature, so a true one is never verified: the
//    signature of that one answer is computed here.
//  - Amounts are in dong in calls and callbacks, in hundredths in query answers: read from the wire, as whole numbers.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';

import { VNPay } from 'vnpay';

import { FAILED, OPEN, PAID } from './ledger.mjs';
import { overheard } from './line.mjs';
import { compact } from './moments.mjs';

export const code = 'vnpay';
export const channels = { CONG: undefined, QR: 'VNPAYQR' };

// vnpay-pay-2-1-0#codes: the payer was not debited. 07 (held for a fraud check) is not among them.
const FAILURES = new Set(['09', '10', '11', '12', '13', '24', '51', '65', '75', '79', '99']);
// vnpay-pay-2-1-0#ipn: 00 and 02 end the repeats.
const REPLIES = {
    settled: ['00', 'Confirm Success'],
    due: ['00', 'Confirm Success'],
    failed: ['00', 'Confirm Success'],
    noted: ['00', 'Confirm Success'],
    repeated: ['02', 'Order already confirmed'],
    unknown: ['01', 'Order not found'],
    wrong_amount: ['04', 'Invalid amount'],
    forged: ['97', 'Invalid signature'],
    unreadable: ['99', 'Input data required'],
    broken: ['99', 'Unknown error'],
};
const REQUIRED = ['vnp_TmnCode', 'vnp_Amount', 'vnp_TxnRef', 'vnp_ResponseCode', 'vnp_TransactionStatus'];
const REFUND_SIGNED = [
    ...['vnp_ResponseId', 'vnp_Command', 'vnp_ResponseCode', 'vnp_Message', 'vnp_TmnCode', 'vnp_TxnRef', 'vnp_Amount'],
    ...['vnp_BankCode', 'vnp_PayDate', 'vnp_TransactionNo', 'vnp_TransactionType', 'vnp_TransactionStatus'],
    'vnp_OrderInfo',
];
// vnpay-querydr-refund#codes: 94 this very request was had before, 98 and 99 no answer: the money may have gone back.
const REFUND_UNCERTAIN = new Set(['94', '98', '99']);
// vnpay-pay-2-1-0#transaction-status: 05 and 06 are on their way.
const REFUND_ENDS = { '00': 'done', '09': 'refused' };

const TEST_CONTRACT = { tmnCode: 'DEMOV210', secret: 'SIMULATORSECRETKEY0123456789ABCD' };

export function open({ bankUrl, publicUrl, contract = TEST_CONTRACT, defect }) {
    const { tmnCode, secret } = contract;
    const host = `${bankUrl}/vnpay`;
    const client = new VNPay({ tmnCode, secureSecret: secret, vnpayHost: host, queryDrAndRefundHost: host });
    return { newOrderRef, start, hear, reply, returned, ask, giveBack };

    /** 20 letters and digits: the day, and 80 random bits. */
    function newOrderRef(at) {
        return `${String(compact(at)).slice(2, 8)}${randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase()}`;
    }

    async function start(order, payer) {
        const bankCode = channels[order.channel];
        const asked = {
            vnp_Amount: Number(order.amount),
            vnp_IpAddr: payer.ip,
            vnp_TxnRef: order.orderRef,
            // vnpay-pay-2-1-0#request: no diacritics, no special characters.
            vnp_OrderInfo: `Nop le phi ho so ${order.code.replace(/[^A-Za-z0-9]/g, ' ')}`.slice(0, 255),
            vnp_ReturnUrl: `${publicUrl}/return/vnpay`,
            vnp_CreateDate: compact(order.at),
            vnp_ExpireDate: compact(order.expiresAt),
            ...(bankCode && { vnp_BankCode: bankCode }),
        };
        if (order.channel !== 'QR') return { type: 'redirect', link: client.buildPaymentUrl(asked) };
        const made = await client.generateQr(asked);
        if (made.code !== '00' || typeof made.qrcontent !== 'string' || !made.qrcontent) {
            throw new Error(`VNPAY made no QR code: ${made.code}`);
        }
        return { type: 'qr', qr: made.qrcontent };
    }

    /** The word in an IPN, or the effect of one that is not believed. */
    function hear({ query }) {
        const fields = verified(query);
        if (typeof fields === 'string') return { effect: fields };
        if (REQUIRED.some((name) => !fields[name])) return { effect: 'unreadable' };
        if (fields.vnp_TmnCode !== tmnCode) return { effect: 'unknown' };
        const [response, status] = [fields.vnp_ResponseCode, fields.vnp_TransactionStatus];
        return {
            word: {
                bank: code,
                orderRef: fields.vnp_TxnRef,
                moneyRef: fields.vnp_TxnRef,
                amount: dongOf(fields.vnp_Amount),
                outcome: outcomeOf(response, status),
                bankRef: fields.vnp_TransactionNo ?? '',
                code: `${response}/${status}`,
            },
        };
    }

    function reply(effect) {
        const [RspCode, Message] = REPLIES[effect];
        return { status: 200, body: { RspCode, Message } };
    }

    /** The order that a browser comes back from, "" when VNPAY did not sign that. It settles nothing either way. */
    function returned(query) {
        const fields = verified(query);
        return typeof fields === 'string' ? '' : (fields.vnp_TxnRef ?? '');
    }

    /** The fields of a query string that VNPAY signed; else why they are not believed. */
    function verified(query) {
        const pairs = [...new URLSearchParams(query)].filter(([name]) => name.startsWith('vnp_'));
        const fields = Object.fromEntries(pairs);
        if (pairs.length !== Object.keys(fields).length) return 'forged';
        if (defect === 'signature_not_checked') return fields;
        try {
            const hash = (fields.vnp_SecureHash ?? '').toLowerCase();
            return client.verifyIpnCall({ ...fields, vnp_SecureHash: hash }).isVerified ? fields : 'forged';
        } catch {
            return 'unreadable';
        }
    }

    /** The words in the answer to a query, none if nothing is said of the payment; 'absent' = no such order there. */
    async function ask(order) {
        const raw = await queried(order);
        if (raw?.vnp_ResponseCode === '91') return 'absent';
        // vnpay-querydr-refund#codes: type 01 is the payment; 02 and 03 are its refunds, so there is no news of it.
        if (raw?.vnp_ResponseCode !== '00' || !['', '01', undefined].includes(raw.vnp_TransactionType)) return [];
        const status = raw.vnp_TransactionStatus;
        const word = {
            bank: code,
            orderRef: order.orderRef,
            moneyRef: order.orderRef,
            amount: dongOf(String(raw.vnp_Amount ?? '')),
            outcome: status === '00' ? PAID : status === '02' ? FAILED : OPEN,
            bankRef: String(raw.vnp_TransactionNo ?? ''),
            code: `00/${status}`,
        };
        return [word];
    }

    /** queryDr's answer as it came; null if it is not to be believed. */
    async function queried(order) {
        const { result, raw } = await overheard(() =>
            client.queryDr({
                vnp_RequestId: randomUUID().replaceAll('-', ''),
                vnp_TxnRef: order.orderRef,
                vnp_OrderInfo: `Truy van ${order.orderRef}`,
                // vnpay-querydr-refund#request: the order's own time, not the question's.
                vnp_TransactionDate: compact(order.at),
                vnp_CreateDate: compact(Date.now()),
                vnp_IpAddr: '127.0.0.1',
            }),
        );
        // isVerified is false for a wrong signature, but true for none at all.
        return result.isVerified && raw.vnp_SecureHash && isAbout(raw, 'querydr', order) ? raw : null;
    }

    function isAbout(raw, command, order) {
        return raw.vnp_Command === command && raw.vnp_TmnCode === tmnCode && raw.vnp_TxnRef === order.orderRef;
    }

    /** 'done', 'refused', or 'asked' when that is not certain. */
    async function giveBack(order, refund) {
        const { raw } = await overheard(() =>
            client.refund({
                vnp_RequestId: refund.id,
                vnp_TransactionType: refund.amount === order.amount ? '02' : '03',
                vnp_TxnRef: order.orderRef,
                vnp_Amount: Number(refund.amount),
                // Given also when it is not known: one that is missing the package signs as "0" and does not send.
                vnp_TransactionNo: refund.money.bankRef,
                vnp_TransactionDate: compact(order.at),
                vnp_CreateBy: 'cong-dvc',
                vnp_CreateDate: compact(Date.now()),
                vnp_IpAddr: '127.0.0.1',
                vnp_OrderInfo: `Hoan tien ${order.orderRef}`,
            }),
        );
        const signed = REFUND_SIGNED.map((name) => raw[name] ?? '').join('|');
        if (!isSignedBy(secret, signed, raw.vnp_SecureHash) || !isAbout(raw, 'refund', order)) return 'asked';
        // A request under the same number is not done twice, nor answered: only a query tells what became of it.
        if (raw.vnp_ResponseCode === '94') return await newestRefund(order);
        if (REFUND_UNCERTAIN.has(raw.vnp_ResponseCode)) return 'asked';
        if (raw.vnp_ResponseCode !== '00') return 'refused';
        if (dongOf(String(raw.vnp_Amount)) !== refund.amount) return 'asked';
        return REFUND_ENDS[raw.vnp_TransactionStatus] ?? 'asked';
    }

    async function newestRefund(order) {
        const raw = await queried(order);
        const isRefund = raw?.vnp_ResponseCode === '00' && ['02', '03'].includes(raw.vnp_TransactionType);
        return (isRefund && REFUND_ENDS[raw.vnp_TransactionStatus]) || 'asked';
    }
}

function isSignedBy(secret, text, given) {
    const right = createHmac('sha512', secret).update(text).digest();
    const told = Buffer.from(String(given ?? ''), 'hex');
    return told.length === right.length && timingSafeEqual(told, right);
}

function outcomeOf(response, status) {
    if (response === '00' && status === '00') return PAID;
    return FAILURES.has(response) && status === '02' ? FAILED : OPEN;
}

/** Whole dong of hundredths on the wire; null for a fraction of one and for what is no number. */
function dongOf(text) {
    if (!/^\d{1,15}$/.test(text)) return null;
    const hundredths = BigInt(text);
    return hundredths % 100n === 0n ? hundredths / 100n : null;
}
