/** Twenty kills of members at random instants; takes some four minutes. */

import { testMemberKills } from "./member-kills.ts";

testMemberKills(20, 2);
