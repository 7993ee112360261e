/** Bodies of requests and documents, as far as anybody wants to read them. */

/** The whole body as text. Undefined when it is longer; the rest is not read. */
export async function textAtMost(
  { body }: { readonly body: ReadableStream<Uint8Array> | null },
  limitBytes: number,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > limitBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
