/** Whether an error is of the kind that this `code` names. Several copies of a class may be about, codes are the same. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
