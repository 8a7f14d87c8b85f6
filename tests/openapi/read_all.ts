// Print what a reader has, read with a client that openapi-typescript makes of its description.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { argv: [string, string, string, string] };
const [, , baseUrl, key] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

type Answer<T> = Promise<{ data?: T; error?: { title: string } }>;
type Page<T> = { items: T[]; next_cursor: string | null };

async function read<T>(answer: Answer<T>): Promise<T> {
  const { data, error } = await answer;
  if (data === undefined) throw new Error(error?.title);
  return data;
}

async function readAll<T>(
  readPage: (query: { limit: number; cursor?: string }) => Answer<Page<T>>,
): Promise<T[]> {
  let page = await read(readPage({ limit: 2 }));
  const items = page.items;
  while (page.next_cursor !== null) {
    page = await read(readPage({ limit: 2, cursor: page.next_cursor }));
    items.push(...page.items);
  }
  return items;
}

const subject_id = "@TGS#2J4SZEAEL";
const lists = {
  "/history": await readAll((query) => client.GET("/history", { params: { query } })),
  "/deliveries": await readAll((query) => client.GET("/deliveries", { params: { query } })),
  "/quarantine": await readAll((query) => client.GET("/quarantine", { params: { query } })),
  "/channels": await readAll((query) => client.GET("/channels", { params: { query } })),
  "/groups": await readAll((query) => client.GET("/groups", { params: { query } })),
  "/groups/%40TGS%232J4SZEAEL/versions": await readAll((query) =>
    client.GET("/groups/{subject_id}/versions", { params: { path: { subject_id }, query } }),
  ),
};
const found = await read(client.GET("/search", { params: { query: { q: subject_id } } }));
const exported: string = await read(
  client.GET("/export", { params: { query: { member: "bob" } }, parseAs: "text" }),
);
const { error } = await client.GET("/history", { params: { query: { sdk_app_id: "x" } } });
console.log(JSON.stringify({ lists, found, exported, error }));
