/** The same at both moments of every point; takes about a minute on a machine that does nothing else. */

import { testRecoveryKills } from "./recovery-kills.ts";

testRecoveryKills("both");
