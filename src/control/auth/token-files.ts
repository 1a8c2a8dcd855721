/** Where the node keeps its tokens: names of the folder and of the file that programs of this machine look for. */

/** Folder of the data directory with the root key, the records and the node's own tokens. */
export const TOKENS_FOLDER = "control";

/** The token for the owner's programs on this machine: there from the first start on, and again when it was revoked. */
export const LOCAL_TOKEN_FILE = "local.token";
