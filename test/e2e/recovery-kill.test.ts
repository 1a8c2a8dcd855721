/** A process killed at every point of checkpoints and recovery on the real disk, when a call is made or answered in turn. */

import { testRecoveryKills } from "./recovery-kills.ts";

testRecoveryKills("in turn");
