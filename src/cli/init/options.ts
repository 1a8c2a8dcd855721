/** What `alysctl init` is told. */

export interface InitOptions {
  readonly dir: string;
  readonly network?: string;
  readonly bootstrap?: readonly string[];
  readonly authority?: boolean;
  readonly new?: boolean;
  readonly members: number;
  readonly host?: readonly string[];
  readonly port: number;
  readonly controlPort: number;
}
