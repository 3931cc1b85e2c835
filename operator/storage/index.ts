export type { OperatorErrorCode } from '../errors.ts';
export { storageCredentials } from './credentials.ts';
export type { StorageCredentials } from './credentials.ts';
export type { ListedObject } from './list-page.ts';
export { MAX_PRESIGNED_SECONDS, S3Client } from './s3-client.ts';
export type { GetOptions, ObjectHead, Presigned, PutOptions, S3ClientOptions } from './s3-client.ts';
export { parseS3URI, s3URI } from './s3-uri.ts';
export type { ObjectLocation } from './s3-uri.ts';
export { readStorageSecret } from './storage-secret.ts';
