import { ApiError } from '@isochrone/kube';

/** Waits for a creation; that the object is there already is no error. */
export async function createUnlessPresent(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ApiError && error.isAlreadyExists)) throw error;
  }
}
