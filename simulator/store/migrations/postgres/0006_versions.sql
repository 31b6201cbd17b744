-- Another text each time a sandbox's settings are written: by it a process sees that another one has changed them.

ALTER TABLE sandbox ADD COLUMN version text NOT NULL DEFAULT '';
