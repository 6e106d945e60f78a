import { expect, test } from 'vitest';
import { countAnew } from '../../../src/engine/finish.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import type { RepositoryRecord, RunRecord } from '../../../src/ledger/records.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { summarize, total, unfinishedRepository } from '../../../src/ledger/summary.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { aRunRecord } from '../../support/ledger.ts';
