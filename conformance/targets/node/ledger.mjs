// Dossiers, orders and money, and what a bank's word does to them. Rule: pure, and the only place that decides; what
// it decides is one event, and nothing changes but by `apply(event)`, so the journal of events is the books.
//
// Money is BigInt, in whole dong. Order states: open -> paid | failed, failed -> paid; paid is the end.

export const PAID = 'paid';
export const FAILED = 'failed';
export const OPEN = 'open'; // Nothing is certain yet: the bank will be asked again.

/** @typedef {{bank: string, orderRef: string, moneyRef: string, amount: bigint|null, outcome: string,
 *             bankRef: string, code: string, arrived?: boolean}} Word
 * What a bank says of one order, its signature and addressee already checked. `moneyRef` is the same in all messages
 * about the same money. `amount` null = no amount of whole dong. `arrived` = the money is on the account already. */

export class Ledger {
    dossiers = new Map();
    orders = new Map();
    known = new Set(); // The references of all money that came, settling or not.
    money = new Map();
    refunds = new Map();
    messages = new Map();
    queue = new Map(); // Banks' messages that were acknowledged first and are not judged yet.
    receipts = 0;

    apply(event) {
        this[`_${event.type}`](event);
    }

    order(bank, orderRef) {
        return this.orders.get(`${bank}/${orderRef}`);
    }

    /** The orders of a dossier, oldest first. */
    ordersOf(dossierCode) {
        return this.dossiers.get(dossierCode).orders;
    }

    /** Orders that the banks are to be asked about, of one dossier or of all; failed ones too, for their payer may have
     *  tried again. */
    openOrders(dossierCode = '') {
        const among = dossierCode ? (this.dossiers.get(dossierCode)?.orders ?? []) : [...this.orders.values()];
        return among.filter((order) => order.state !== PAID && !order.closed);
    }

    /** Refunds that are neither made nor refused; of one dossier, or of all. */
    openRefunds(dossierCode = '') {
        const among = dossierCode ? (this.dossiers.get(dossierCode)?.refunds ?? []) : [...this.refunds.values()];
        return among.filter((refund) => refund.state === 'asked');
    }

    unsent() {
        return [...this.messages.values()].filter((message) => !message.sent);
    }

    standing(dossierCode) {
        const dossier = this.dossiers.get(dossierCode);
        const settled = dossier.money.filter((each) => each.settles);
        const rest = dossier.money.filter((each) => !each.settles);
        const paid = total(settled);
        const given = total(settled.flatMap(givenBack));
        const due = total(rest) - total(rest.flatMap(givenBack));
        return { dossier, paid, given, due, receipts: settled.map((each) => each.receipt), state: stateOf() };

        function stateOf() {
            if (paid) return given === 0n ? 'DA_NOP' : given < paid ? 'HOAN_MOT_PHAN' : 'DA_HOAN';
            if (dossier.cancelled) return 'DA_HUY';
            return dossier.orders.at(-1)?.state === FAILED ? 'THAT_BAI' : 'CHO_NOP';
        }
    }

    awaitsMoney(dossierCode) {
        const dossier = this.dossiers.get(dossierCode);
        return !dossier.cancelled && !dossier.money.some((each) => each.settles);
    }

    /** What of this money is neither given back nor asked to be. */
    left(money) {
        return money.amount - total(money.refunds.filter((each) => each.state !== 'refused'));
    }

    _declared({ code, fee, payer, phone }) {
        const lists = { orders: [], money: [], refunds: [], oddities: [] };
        this.dossiers.set(code, { code, fee: BigInt(fee), payer, phone, cancelled: false, ...lists });
    }

    _ordered({ bank, orderRef, code, channel, amount, at, expiresAt }) {
        const order = { bank, orderRef, code, channel, amount: BigInt(amount), at, expiresAt, word: '' };
        Object.assign(order, { state: OPEN, closed: false });
        this.orders.set(`${bank}/${orderRef}`, order);
        this.dossiers.get(code).orders.push(order);
    }

    /** One event for the money, the receipt and the message to the payer: all of them, or none. */
    _credited({ bank, orderRef, moneyRef, amount, settles, bankRef, word, receipt, message, at }) {
        const order = this.order(bank, orderRef);
        const dossier = this.dossiers.get(order.code);
        const id = `${bank}/${moneyRef}${settles ? '' : '/rest'}`;
        const money = { id, bank, orderRef, amount: BigInt(amount), settles, bankRef, receipt, refunds: [], at };
        this.known.add(`${bank}/${moneyRef}`);
        this.money.set(id, money);
        dossier.money.push(money);
        if (money.settles || money.amount === order.amount) Object.assign(order, { state: PAID, word });
        if (receipt) this.receipts += 1;
        if (message) this.messages.set(message.id, { ...message, sent: false });
    }

    /** `closed` = no bank will hear of it any more. */
    _failed({ bank, orderRef, word, closed = false }) {
        Object.assign(this.order(bank, orderRef), { state: FAILED, word, closed });
    }

    _noted({ bank, orderRef, word }) {
        this.order(bank, orderRef).word = word;
    }

    _odd({ bank, orderRef, says }) {
        this.dossiers.get(this.order(bank, orderRef).code).oddities.push(says);
    }

    _cancelled({ code }) {
        this.dossiers.get(code).cancelled = true;
    }

    _refund({ id, code, money, amount, key }) {
        const from = this.money.get(money);
        const refund = { id, code, money: from, amount: BigInt(amount), state: 'asked', key };
        this.refunds.set(id, refund);
        from.refunds.push(refund);
        this.dossiers.get(code).refunds.push(refund);
    }

    _refundEnded({ id, state, message }) {
        this.refunds.get(id).state = state;
        if (message) this.messages.set(message.id, { ...message, sent: false });
    }

    _heard({ id, bank, message }) {
        this.queue.set(id, { bank, message });
    }

    _judged({ id }) {
        this.queue.delete(id);
    }

    _sent({ id }) {
        this.messages.get(id).sent = true;
    }
}

/** What a word does: its effect, and the events that write it down (none when nothing is new).
 *  Over-payments of money that has arrived are kept: the fee settles the dossier, the rest is to be given back. */
export function decide(ledger, word, at, defect = '') {
    const order = ledger.order(word.bank, word.orderRef);
    if (!order) return { effect: 'unknown', events: [] };
    const about = { bank: word.bank, orderRef: word.orderRef };
    const known = ledger.known.has(`${word.bank}/${word.moneyRef}`) && defect !== 'duplicate_settles_twice';
    const awaits = ledger.awaitsMoney(order.code) || defect === 'duplicate_settles_twice';
    const right = word.amount === order.amount || defect === 'amount_not_compared';
    if (!right && !(word.arrived && word.outcome === PAID && word.amount > 0n)) {
        const says = `${word.bank} ${word.orderRef}: ${word.amount} instead of ${order.amount} (${word.code})`;
        return { effect: 'wrong_amount', events: odd(says) };
    }
    if (word.outcome === PAID) {
        if (known) return { effect: 'repeated', events: [] };
        const surplus = right ? 0n : word.amount - order.amount;
        if (!awaits || surplus < 0n) return { effect: 'due', events: [credit(word.amount, false)] };
        const rest = surplus ? [credit(surplus, false)] : [];
        return { effect: 'settled', events: [credit(order.amount, true), ...rest] };
    }
    if (order.state !== OPEN) {
        const says = `${word.bank} ${word.orderRef}: ${order.state}, and now ${word.code}`;
        return { effect: 'repeated', events: order.state === PAID ? odd(says) : [] };
    }
    if (word.outcome === FAILED) return { effect: 'failed', events: [{ type: 'failed', ...about, word: word.code }] };
    return { effect: 'noted', events: [{ type: 'noted', ...about, word: word.code }] };

    /** For a person to look into, once. */
    function odd(says) {
        return ledger.dossiers.get(order.code).oddities.includes(says) ? [] : [{ type: 'odd', ...about, says }];
    }

    function credit(amount, settles) {
        const told = { moneyRef: word.moneyRef, bankRef: word.bankRef, word: word.code };
        const event = { type: 'credited', ...about, ...told, amount: String(amount), settles, at };
        if (!settles) return event;
        const dossier = ledger.dossiers.get(order.code);
        const number = String(ledger.receipts + 1).padStart(7, '0');
        const text = `Hồ sơ ${order.code}: đã thu lệ phí ${dong(amount)}, biên lai số ${number}.`;
        const id = `${order.code}/${number}`;
        return { ...event, receipt: number, message: { id, to: dossier.phone, text } };
    }
}

/** "1.250.000 đồng". */
export function dong(amount) {
    return `${String(amount).replace(/\B(?=(\d{3})+$)/g, '.')} đồng`;
}

function givenBack(money) {
    return money.refunds.filter((each) => each.state === 'done');
}

function total(rows) {
    return rows.reduce((sum, row) => sum + row.amount, 0n);
}
