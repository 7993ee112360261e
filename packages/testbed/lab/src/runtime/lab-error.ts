/** Of the user: a node that is not there, a command where there is no shell, a document that nothing could be like. */
export class LabError extends Error {}
