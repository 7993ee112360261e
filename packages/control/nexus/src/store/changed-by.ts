/**
 * Rows that desired state is derived from remember the request that changed them last, in `changed_by`. Handlers do not have to think of it:
 * a statement that is made while a request is served is stamped with the id of that request. Statements of reconcilers are not, so what
 * they observe leaves the user's doing on record.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  ColumnNode,
  ColumnUpdateNode,
  InsertQueryNode,
  type KyselyPlugin,
  OnConflictNode,
  type OperationNode,
  PrimitiveValueListNode,
  type RootOperationNode,
  TableNode,
  UpdateQueryNode,
  ValueListNode,
  ValueNode,
  ValuesNode,
} from 'kysely'

/** Tables that have the column. */
export const STAMPED_TABLES = [
  'instance',
  'network_interface',
  'external_ip',
  'vpc',
  'vpc_subnet',
  'router_route',
  'firewall_rule',
  'switch_port',
  'port_settings',
] as const

/** A row as it is read with all of its columns. Nobody else sees the column, and nobody writes it. */
export type Stamped<Row> = Row & { readonly changed_by: string | null }

const COLUMN = 'changed_by'
const stamped: ReadonlySet<string> = new Set(STAMPED_TABLES)

/** Which request is being served, along everything that its handler awaits. */
export class ServedRequest {
  readonly #id = new AsyncLocalStorage<string | undefined>()

  get id(): string | undefined {
    return this.#id.getStore()
  }

  run<T>(id: string, fn: () => T): T {
    return this.#id.run(id, fn)
  }

  /** What `fn` begins is not the request's own doing, however long it goes on. */
  leave<T>(fn: () => T): T {
    return this.#id.run(undefined, fn)
  }
}

export function changedByPlugin(request: ServedRequest): KyselyPlugin {
  return {
    transformQuery({ node }) {
      const { id } = request
      return id === undefined ? node : stampedQuery(node, id)
    },
    transformResult: ({ result }) => Promise.resolve(result),
  }
}

function stampedQuery(node: RootOperationNode, id: string): RootOperationNode {
  if (UpdateQueryNode.is(node) && isStamped(node.table) && node.updates !== undefined) {
    return { ...node, updates: [...node.updates, stampUpdate(id)] }
  }
  if (InsertQueryNode.is(node) && isStamped(node.into) && node.values !== undefined && ValuesNode.is(node.values)) {
    const { columns = [], values, onConflict } = node
    return {
      ...node,
      columns: [...columns, ColumnNode.create(COLUMN)],
      values: ValuesNode.create(
        values.values.map((row) =>
          PrimitiveValueListNode.is(row)
            ? PrimitiveValueListNode.create([...row.values, id])
            : ValueListNode.create([...row.values, ValueNode.create(id)]),
        ),
      ),
      ...(onConflict?.updates === undefined
        ? {}
        : { onConflict: OnConflictNode.cloneWith(onConflict, { updates: [...onConflict.updates, stampUpdate(id)] }) }),
    }
  }
  return node
}

function stampUpdate(id: string): ColumnUpdateNode {
  return ColumnUpdateNode.create(ColumnNode.create(COLUMN), ValueNode.create(id))
}

function isStamped(table: OperationNode | undefined): boolean {
  return table !== undefined && TableNode.is(table) && stamped.has(table.table.identifier.name)
}
