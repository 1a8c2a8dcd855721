/** Three kills of members at random instants: the short form of member-kill.slow.test.ts. */

import { testMemberKills } from "./member-kills.ts";

testMemberKills(3, 1);
