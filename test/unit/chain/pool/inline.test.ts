/** The inline twin keeps the contract of validators. */
import { InlineValidator } from "../../../../src/chain/pool/inline.ts";
import { testValidator } from "../../../contract/validator.ts";

testValidator("InlineValidator", (facts) => new InlineValidator(facts));
