// The books on disk: one JSON line a transaction, appended and forced to the disk before anyone is told of it. Rule: a
// line holds all events of one change, so that a portal killed at any moment has each change wholly or not at all.
import { closeSync, existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

import { Ledger } from './ledger.mjs';

export class Journal {
    ledger = new Ledger();
    #file;

    constructor(path) {
        const written = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
        // A last line without its end was being written when the power went: nobody has been told of it.
        const whole = written.subarray(0, written.lastIndexOf('\n') + 1);
        for (const line of whole.toString('utf8').split('\n').filter(Boolean)) this.#apply(JSON.parse(line));
        this.#file = openSync(path, 'a');
        if (whole.length < written.length) ftruncateSync(this.#file, whole.length);
    }

    /** Writes the events down and makes them so. Synchronous: Node does nothing else between a look and this write, as
     *  long as no `await` stands between them. */
    write(events) {
        if (events.length === 0) return;
        const line = Buffer.from(`${JSON.stringify(events)}\n`);
        let from = 0;
        while (from < line.length) from += writeSync(this.#file, line, from);
        fdatasyncSync(this.#file);
        this.#apply(events);
    }

    close() {
        closeSync(this.#file);
    }

    #apply(events) {
        for (const event of events) this.ledger.apply(event);
    }
}
