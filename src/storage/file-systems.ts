/**
 * On which file systems a lock is worth something: local ones, where the kernel that grants it sees everybody who opens the
 * file. A file system that other machines share, or that a program of some user serves, may grant the same lock twice.
 */
import { statfsSync } from "node:fs";
import { platform } from "node:os";

/** `f_type` of statfs(2) on Linux: local, one kernel has it mounted. */
const LOCAL: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xca451a4e, "bcachefs"],
  [0xf2f52010, "f2fs"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0x794c7630, "overlay"],
  [0x61756673, "aufs"],
  [0x3153464a, "jfs"],
  [0x52654973, "reiserfs"],
  [0x3434, "nilfs2"],
  [0x24051905, "ubifs"],
  [0x2011bab0, "exfat"],
  [0x4d44, "vfat"],
  [0x482b, "hfsplus"],
]);

/** Shared between machines, or served by a program. */
const SHARED: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE (or virtiofs)"],
  [0x00c36400, "CephFS"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x564c, "NCP"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x20030528, "OrangeFS"],
  [0x786f4256, "vboxsf"],
  [0xbacbacbc, "vmhgfs"],
  [0x7c7c6673, "prl_fs"],
]);

/** The type number of the file system that holds `path`. Throws what the system throws. */
export function fileSystemType(path: string): number {
  return statfsSync(path).type;
}

/**
 * Why locks on a file system of this type are not relied on; undefined when they are. An unknown type is refused: a node that
 * does not start is mended by moving a folder, a slot that was signed twice by nothing. Other systems than Linux number
 * their types anew with each release; there the self-test of kernel-lock.ts alone decides.
 */
export function lockObjection(type: number, system: string = platform()): string | undefined {
  if (system !== "linux") return undefined;
  // The kernel's is a signed word on some machines.
  const word = type >>> 0;
  if (LOCAL.has(word)) return undefined;
  const name = SHARED.get(word);
  return name === undefined
    ? `it lies on a file system of unknown type 0x${word.toString(16)}, where locks may not hold`
    : `it lies on ${name}, where locks do not keep processes of other machines or containers out`;
}
