// The command line: starts the portal, and says on one line where it listens.
//
//     node main.mjs --port 0 --bank-url http://127.0.0.1:8080/s/NAME --books FILE [--inbox-url URL]
//         [--bank-timeout-s N] [--acknowledge-first] [--defect NAME]
import { parseArgs } from 'node:util';

import { Journal } from './journal.mjs';
import { boundFetch } from './line.mjs';
import * as payos from './payos.mjs';
import { Portal } from './portal.mjs';
import { serve } from './server.mjs';
import * as vietinbank from './vietinbank.mjs';
import * as vnpay from './vnpay.mjs';

const ASK_EVERY_MS = 5 * 60_000;
const SEND_EVERY_MS = 30_000;
// Each stands at one place, where a real developer makes the mistake.
const DEFECTS = ['', 'amount_not_compared', 'signature_not_checked', 'duplicate_settles_twice'];

const { values: given } = parseArgs({
    options: {
        port: { type: 'string', default: '0' },
        'bank-url': { type: 'string', default: 'http://127.0.0.1:8080' },
        books: { type: 'string', default: 'books.jsonl' },
        'bank-timeout-s': { type: 'string', default: '8' },
        'inbox-url': { type: 'string', default: '' },
        'acknowledge-first': { type: 'boolean', default: false },
        defect: { type: 'string', default: '' },
    },
});
if (!DEFECTS.includes(given.defect)) throw new Error(`--defect is one of ${DEFECTS.slice(1).join(', ')}`);
const defect = given.defect;
boundFetch(Number(given['bank-timeout-s']) * 1000);

const journal = new Journal(given.books);
const portal = new Portal({ journal, banks: {}, send, first: given['acknowledge-first'], defect });
const server = serve(portal);
server.listen(Number(given.port), '127.0.0.1', () => {
    const publicUrl = `http://127.0.0.1:${server.address().port}`;
    const settings = { bankUrl: given['bank-url'].replace(/\/$/, ''), publicUrl, defect };
    for (const bank of [vnpay, payos, vietinbank]) {
        portal.banks[bank.code] = { api: bank.open(settings), channels: bank.channels };
    }
    setInterval(() => portal.runJobs().catch(console.error), ASK_EVERY_MS).unref();
    setInterval(() => portal.sendMessages().catch(console.error), SEND_EVERY_MS).unref();
    portal.judgeQueue().then(() => portal.sendMessages()).catch(console.error);
    console.log(`portal ready at ${publicUrl}`);
});

process.on('SIGTERM', () => {
    server.closeAllConnections();
    server.close(() => journal.close());
});

/** Whether the gateway took the message. */
async function send({ id, to, text }) {
    if (!given['inbox-url'] || !to) return true;
    const message = { from: 'CONG-DVC', to, text, request_id: id };
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(message) };
    return await fetch(`${given['inbox-url']}/sms`, init).then(
        (answer) => answer.ok,
        () => false,
    );
}
