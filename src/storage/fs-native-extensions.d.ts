/** What is used of the package, which brings no types. */
declare module "fs-native-extensions" {
  /** An exclusive lock on the whole file, which must be open for writing; false when another open file has one. */
  export function tryLock(file: number): boolean;
}
