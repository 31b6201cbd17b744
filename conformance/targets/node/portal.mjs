// The portal's rules: opening, hearing, asking, cancelling and giving back, with all banks alike. Rule: an order, and a
// refund, stand in the books before a bank hears of it, and nothing awaits between a look at the books and a write.
import { randomUUID } from 'node:crypto';

import { decide, dong } from './ledger.mjs';

const ORDER_LIFE_MS = 15 * 60_000;
const GRACE_MS = 5 * 60_000;
const ASK_FOR_MS = 3 * 86_400_000;
const AT_ONCE = 8;
const JUDGE_AFTER_MS = 100;
const FEE_MAX = 10n ** 13n; // In hundredths still a whole number for JavaScript, and so for the clients.

export class Refused extends Error {
    constructor(status, why) {
        super(why);
        this.status = status;
    }
}

export class Portal {
    /** `first` = every callback is written down and acknowledged, and judged afterwards. */
    constructor({ journal, banks, send, first = false, defect = '', now = Date.now }) {
        Object.assign(this, { journal, banks, send, first, defect, now });
        this.sending = Promise.resolve();
        this.judging = Promise.resolve();
    }

    get ledger() {
        return this.journal.ledger;
    }

    /** Declares the dossier if it is new; its fee is set once. Then an order of its own for this attempt. */
    async open({ dossier: code, fee, bank, channel, payer = {} }, ip) {
        const { api, channels } = this.banks[bank] ?? {};
        if (!api || !(channel in channels)) throw new Refused(422, `${bank} has no way of paying ${channel}`);
        if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/.test(code ?? '')) throw new Refused(422, 'no such dossier code');
        const events = [];
        if (!this.ledger.dossiers.has(code)) {
            const { name = '', phone = '' } = payer;
            const told = { name: String(name).slice(0, 100), phone: String(phone).slice(0, 20) };
            events.push({ type: 'declared', code, fee: String(feeOf(fee)), payer: told.name, phone: told.phone });
        } else if (!this.ledger.awaitsMoney(code)) {
            throw new Refused(409, `dossier ${code} awaits no payment any more`);
        }
        // A bill has one code for all attempts to pay it.
        const bill = api.isBill && this.ledger.dossiers.get(code)?.orders.find((order) => order.bank === bank);
        if (bill) return { order: bill.orderRef, ...(await api.start(bill)) };
        const amount = String(this.ledger.dossiers.get(code)?.fee ?? events[0].fee);
        const at = Math.floor(this.now() / 1000) * 1000;
        const orderRef = api.newOrderRef(at);
        const order = { bank, orderRef, code, channel, amount, at, expiresAt: at + ORDER_LIFE_MS };
        this.journal.write([...events, { type: 'ordered', ...order }]);
        try {
            return { order: orderRef, ...(await api.start(this.ledger.order(bank, orderRef), { ip })) };
        } catch (error) {
            // The order stands: whether the bank has it is found out by asking.
            throw new Refused(502, `${bank} did not start a payment: ${error.message}`);
        }
    }

    /** The answer to a bank's message. */
    async hear(bank, message) {
        const { api } = this.banks[bank];
        if (api.isQuestion?.(message)) return api.answer(message, (orderRef) => this.#owed(bank, orderRef));
        if (!this.first) return api.reply(await this.#judge(bank, message), message);
        this.journal.write([{ type: 'heard', id: randomUUID(), bank, message }]);
        setTimeout(() => this.judgeQueue().catch(console.error), JUDGE_AFTER_MS);
        return api.reply('settled', message);
    }

    /** Judges what was acknowledged first, in the order in which it came. Judged first and taken out second: killed in
     *  between, it is found again, and is a repetition by then. */
    judgeQueue() {
        this.judging = this.judging.catch(() => {}).then(async () => {
            for (const [id, { bank, message }] of [...this.ledger.queue]) {
                await this.#judge(bank, message);
                this.journal.write([{ type: 'judged', id }]);
            }
        });
        return this.judging;
    }

    /** The dossier if its bill is to be paid, else null. */
    #owed(bank, orderRef) {
        const order = this.ledger.order(bank, orderRef);
        return order && this.ledger.awaitsMoney(order.code) ? this.ledger.dossiers.get(order.code) : null;
    }

    async #judge(bank, message) {
        const heard = await this.banks[bank].api.hear(message);
        const effect = heard.effect ?? this.settle(heard.word);
        if (effect === 'settled') this.sendMessages().catch(console.error);
        return effect;
    }

    /** What the word did. Synchronous, so that of twenty callbacks at once one settles and nineteen find it done. */
    settle(word) {
        const { effect, events } = decide(this.ledger, word, this.now(), this.defect);
        this.journal.write(events);
        return effect;
    }

    /** Judges what is queued, asks the banks about what is open, orders and refunds, and sends what waits; done when it
     *  returns. */
    async runJobs(dossierCode = '') {
        await this.judgeQueue();
        const asked = (order) => this.banks[order.bank].api.ask && this.now() < order.at + ASK_FOR_MS;
        const open = this.ledger.openOrders(dossierCode).filter(asked);
        for (let from = 0; from < open.length; from += AT_ONCE) {
            await Promise.all(open.slice(from, from + AT_ONCE).map((order) => this.#ask(order)));
        }
        for (const refund of this.ledger.openRefunds(dossierCode)) await this.#giveBack(refund);
        await this.sendMessages();
        return open.length;
    }

    async cancel(code) {
        const dossier = this.#known(code);
        if (this.ledger.standing(code).paid) throw new Refused(409, `dossier ${code} is paid; it can only be refunded`);
        if (!dossier.cancelled) this.journal.write([{ type: 'cancelled', code }]);
        for (const order of this.ledger.openOrders(code)) {
            // Whether it was taken back is found out by asking, and money that comes all the same is to be given back.
            await this.banks[order.bank].api.withdraw?.(order).catch(() => {});
        }
    }

    /** Gives back `amount`, or all that is left when null; what is due goes first. Never more than came in: a refund
     *  counts from the moment it is asked for, and one whose answer was lost counts on. */
    async refund(code, amount, key) {
        const dossier = this.#known(code);
        const known = dossier.refunds.find((each) => key && each.key === key);
        if (known) return known;
        // Of two at once, a bank's answer would not tell which of them was made.
        if (dossier.refunds.some((each) => each.state === 'asked')) throw new Refused(409, 'a refund is under way');
        if (amount !== null && amount <= 0n) throw new Refused(422, 'a refund is of 1 VND or more');
        const candidates = [...dossier.money].sort((one, other) => Number(one.settles) - Number(other.settles));
        const money = candidates.find((each) => this.ledger.left(each) >= (amount ?? 1n));
        if (!money) throw new Refused(409, `not so much of dossier ${code} is there to give back`);
        const { api } = this.banks[money.bank];
        if (!api.giveBack) throw new Refused(409, `${money.bank} has no refund by message: it goes back by hand`);
        const id = randomUUID().replaceAll('-', '');
        const refund = { id, code, money: money.id, amount: String(amount ?? this.ledger.left(money)), key };
        this.journal.write([{ type: 'refund', ...refund }]);
        return await this.#giveBack(this.ledger.refunds.get(id));
    }

    /** Asks the bank for it, always under the same number; what the bank has neither made nor refused stays open. */
    async #giveBack(refund) {
        const { id, code, money, amount } = refund;
        const order = this.ledger.order(money.bank, money.orderRef);
        const state = await this.banks[money.bank].api.giveBack(order, refund).catch(() => 'asked');
        if (state === 'asked' || refund.state !== 'asked') return refund;
        const text = `Hồ sơ ${code}: đã hoàn ${dong(amount)} lệ phí.`;
        const message = { id: `${code}/${id}`, to: this.ledger.dossiers.get(code).phone, text };
        this.journal.write([{ type: 'refundEnded', id, state, ...(state === 'done' && { message }) }]);
        this.sendMessages().catch(console.error);
        return refund;
    }

    /** One after another, and each until it is taken: killed in between it is sent again under the same number. */
    sendMessages() {
        this.sending = this.sending.catch(() => {}).then(async () => {
            for (const message of this.ledger.unsent()) {
                if (!(await this.send(message))) return;
                this.journal.write([{ type: 'sent', id: message.id }]);
            }
        });
        return this.sending;
    }

    /** Raises Refused. */
    status(code) {
        this.#known(code);
        return this.ledger.standing(code);
    }

    async #ask(order) {
        let words;
        try {
            words = await this.banks[order.bank].api.ask(order);
        } catch {
            return; // No answer, or one that cannot be believed: it is asked again.
        }
        if (words === 'absent') {
            // The payer may still get there until the order expires, and not any more then.
            if (this.now() < order.expiresAt + GRACE_MS) return;
            const { bank, orderRef } = order;
            this.journal.write([{ type: 'failed', bank, orderRef, word: 'never seen by the bank', closed: true }]);
            return;
        }
        for (const word of words) this.settle(word);
    }

    #known(code) {
        const dossier = this.ledger.dossiers.get(code);
        if (!dossier) throw new Refused(404, `there is no dossier ${code}`);
        return dossier;
    }
}

/** Raises Refused. */
export function feeOf(text) {
    if (!/^\d{1,15}$/.test(String(text))) throw new Refused(422, 'a fee is a whole number of dong');
    const fee = BigInt(text);
    if (fee < 1n || fee > FEE_MAX) throw new Refused(422, `a fee is between 1 and ${FEE_MAX} VND`);
    return fee;
}
