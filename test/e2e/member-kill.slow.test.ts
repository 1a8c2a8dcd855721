/** Twenty kills of members at random instants; takes some three minutes. */

import { testMemberKills } from "./member-kills.ts";

testMemberKills(20, 2);
