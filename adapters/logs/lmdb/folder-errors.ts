import { getSystemErrorName } from 'node:util';
import { LogUnusable } from '../log.ts';

/** Turns an error of a log's folder into a sentence for the operator; any other error is returned unchanged. */
export function folderError(folder: string, cause: unknown): unknown {
  const code = codeOf(cause);
  const sentence = code === undefined ? undefined : sentences[code];
  if (sentence === undefined) return cause;
  return new LogUnusable(`LOG_URL: must name ${sentence(JSON.stringify(`lmdb:${folder}`))} (${code})`, { cause });
}

/** LMDB reports error numbers, Node names. */
function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return code;
  return typeof code === 'number' && code > 0 && code < 200 ? getSystemErrorName(-code) : undefined;
}

const writable = (got: string): string =>
  `a folder that this user may write, got ${got}; let the user write there, or name another`;
const folderOnly = (got: string): string =>
  `a folder, got ${got}, where a file is in the way; name another, or move the file`;
const withSockets = (got: string): string =>
  `a folder on a disk of this machine, got ${got}, whose file system knows no sockets; name one on a local disk`;
const shorter = (got: string): string =>
  `a folder with a shorter path, got ${got}; name one of less than 90 characters`;
const room = (got: string): string => `a folder on a disk with room, got ${got}; free some, or name another`;

const sentences: Readonly<Record<string, (got: string) => string>> = {
  EACCES: writable,
  EPERM: writable,
  EROFS: writable,
  ENOTDIR: folderOnly,
  EEXIST: folderOnly,
  EISDIR: (got) => `a folder of its own, got ${got}, where a folder is in the way of a file of the log; name another`,
  ENOENT: (got) => `a folder that can be made, got ${got}; name one on a disk`,
  ENOTSUP: withSockets,
  EOPNOTSUPP: withSockets,
  EAFNOSUPPORT: withSockets,
  EINVAL: withSockets,
  ENAMETOOLONG: shorter,
  ENOSPC: room,
  EDQUOT: room,
  EIO: (got) => `a folder on a disk that works, got ${got}; see what the system says of the disk`,
  EMFILE: (got) => `a folder, got ${got}, while this process may open too few files; raise the limit (ulimit -n)`,
};
