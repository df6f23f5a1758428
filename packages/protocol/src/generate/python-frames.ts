import { CLIENT_FRAMES, CLIENT_TABLES, type ClientFrame, type Node } from './client-frames.ts';

/** What the objects inside frames are called; other nested values are handed on as they were parsed. */
const DATA_NAMES: Readonly<Record<string, string>> = {
  MarketData: 'Quote',
  AgentStatus: 'AgentState',
  BacktestProgress: 'BacktestState',
  Alert: 'AlertDetails',
  Welcome: 'Limits',
};

/** What an application gets of a push besides its own fields, by the name of the field: its type and its default. */
const ADDED: ReadonlyArray<readonly [name: string, type: string, initial: string, about: string]> = [
  ['epoch', 'Optional[str]', 'None', 'The run of numbering that `seq` belongs to, where it is known.'],
  ['raw', 'str', 'field(default="", repr=False, compare=False)', 'The frame as it came.'],
];

const HEADER = `# Generated from packages/protocol by \`npm run generate\`. Do not edit.
"""What a server sends: a class for each frame, and the tables a client needs."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple, Union


def _take(frame: Mapping[str, Any], name: str, kind: str, required: bool) -> Any:
    value: Any = frame.get(name)
    if value is None and not required:
        return None
    if kind == "float":
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
    elif kind == "int":
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    else:
        fits = isinstance(value, _KINDS[kind])
    if value is None or not fits:
        raise ValueError(f"{name} must be {_NAMES[kind]}, and is {value!r:.60}")
    return float(value) if kind == "float" else value


_LARGEST = sys.float_info.max
_KINDS: Dict[str, type] = {"str": str, "bool": bool, "dict": dict, "list": list, "object": object}
_NAMES = {
    "str": "a text",
    "bool": "true or false",
    "dict": "an object",
    "list": "an array",
    "float": "a number",
    "int": "an integer from 0",
    "object": "a value",
}

`;

interface Field {
  name: string;
  type: string;
  take: string;
  initial: string | null;
  about: string | undefined;
}

/** The module of the Python SDK that says what a server sends. Every class has \`from_frame\`, which checks what it reads. */
export function pythonFrames(): string {
  const { channels, keyFields, errorCodes, clientErrorCodes, closeActions, key, hongKongSuffix, hongKongPrefix } =
    CLIENT_TABLES;
  const frames = CLIENT_FRAMES.map((frame) => (frame.name === 'Alerts' ? { ...frame, name: 'Alert' } : frame));
  const pushes = frames.filter(({ isPush }) => isPush);
  return [
    HEADER,
    ...frames.flatMap((frame) => [...nested(frame), classOf(frame.name, frame.schema, frame.isPush)]),
    `Push = Union[${pushes.map(({ name }) => name).join(', ')}]\n`,
    'PUSHES: Dict[str, Any] = {',
    ...pushes.map(({ name, schema }) => `    "${String(schema.properties?.['type']?.const)}": ${name},`),
    '}\n',
    `CHANNELS: Tuple[str, ...] = (${channels.map(quote).join(', ')})\n`,
    '# The field of a push that holds the key of its stream.',
    `KEY_FIELDS: Dict[str, Optional[str]] = ${table(keyFields)}\n`,
    '# What a server sends as `error`, and what a client finds by itself.',
    `ServerErrorCode = ${literal(errorCodes)}\n`,
    `ClientErrorCode = ${literal(clientErrorCodes)}\n`,
    'ErrorCode = Union[ServerErrorCode, ClientErrorCode]\n',
    `ERROR_CODES: Tuple[str, ...] = (\n${errorCodes.map((code) => `    ${quote(code)},\n`).join('')})\n`,
    '# By close code: come back `at_once`, after a `backoff` (also after any other), with a `new_token`, or `never`.',
    `CLOSE_ACTIONS: Dict[int, str] = {${Object.entries(closeActions)
      .map(([code, action]) => `${code}: ${quote(action)}`)
      .join(', ')}}\n`,
    `KEY = r"${key}"`,
    `HONG_KONG_SUFFIX = r"${hongKongSuffix}"`,
    `HONG_KONG_PREFIX = r"${hongKongPrefix}"`,
    '',
  ].join('\n');
}

function nested({ name, schema }: Pick<ClientFrame, 'name' | 'schema'>): string[] {
  const called = DATA_NAMES[name];
  if (called === undefined) return [];
  const inner = Object.values(schema.properties ?? {}).filter(({ type }) => type === 'object');
  return inner.map((node) => classOf(called, { description: `The \`data\` of a ${name}.`, ...node }, false));
}

function classOf(name: string, node: Node, isPush: boolean): string {
  const fields = Object.entries(node.properties ?? {})
    .filter(([field]) => field !== 'type')
    .map(([field, each]) => fieldOf(name, field, each, node.required?.includes(field) ?? false, isPush));
  // A class of data has its fields without a default first.
  const ordered = [
    ...fields.filter(({ initial }) => initial === null),
    ...fields.filter((each) => each.initial !== null),
  ];
  const added = isPush ? ADDED : [];
  return [
    '@dataclass(frozen=True)',
    `class ${name}:`,
    `    """${node.description ?? ''}"""\n`,
    ...(isPush ? [`    channel = ${quote(String(node.properties?.['type']?.const))}\n`] : []),
    ...ordered.map(({ name: field, type, initial, about }) => declared(field, type, initial, about)),
    ...added.map(([field, type, initial, about]) => declared(field, type, initial, about)),
    '',
    '    @classmethod',
    `    def from_frame(cls, frame: Mapping[str, Any]${isPush ? ', epoch: Optional[str] = None, raw: str = ""' : ''}) -> ${name}:`,
    `        """Reads a parsed frame. Raises \`ValueError\` where it does not fit."""`,
    `        return cls(`,
    ...ordered.map(({ name: field, take }) => `            ${identifier(field)}=${take},`),
    ...added.map(([field]) => `            ${field}=${field},`),
    '        )\n\n',
  ].join('\n');
}

function declared(name: string, type: string, initial: string | null, about: string | undefined): string {
  return `    ${identifier(name)}: ${type}${initial === null ? '' : ` = ${initial}`}${about === undefined ? '' : `\n    """${about}"""`}`;
}

/** A word of the language as a name has an underscore behind it. */
function identifier(name: string): string {
  return name === 'from' ? 'from_' : name;
}

function fieldOf(owner: string, name: string, node: Node, required: boolean, isPush: boolean): Field {
  const about = node.description;
  const optional = !required || (node.anyOf?.some(({ type }) => type === 'null') ?? false);
  const python = kindOf(node);
  // Of a push, absent means no or none.
  if (isPush && python === 'bool')
    return { name, type: 'bool', take: `_take(frame, "${name}", "bool", False) or False`, initial: 'False', about };
  if (isPush && name === 'conflated')
    return { name, type: 'int', take: `_take(frame, "${name}", "int", False) or 0`, initial: '0', about };
  const take = `_take(frame, "${name}", "${python}", ${optional ? 'False' : 'True'})`;
  const called = python === 'dict' ? DATA_NAMES[owner] : undefined;
  const type = called ?? { dict: 'Dict[str, Any]', list: 'List[Any]', object: 'Union[str, int]' }[python] ?? python;
  return {
    name,
    type: optional ? `Optional[${type}]` : type,
    take: called === undefined ? take : `${called}.from_frame(${take})`,
    initial: optional ? 'None' : null,
    about,
  };
}

function kindOf(node: Node): string {
  if (node.anyOf) {
    const kinds = new Set(node.anyOf.filter(({ type }) => type !== 'null').map(kindOf));
    return kinds.size === 1 ? ([...kinds][0] ?? 'object') : 'object';
  }
  if (node.enum) return 'str';
  const kinds = { number: 'float', integer: 'int', boolean: 'bool', object: 'dict', array: 'list' } as const;
  return kinds[node.type as keyof typeof kinds] ?? 'str';
}

function literal(values: readonly string[]): string {
  return `Literal[\n${values.map((value) => `    ${quote(value)},\n`).join('')}]`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function table(values: Readonly<Record<string, string | null>>): string {
  const rows = Object.entries(values).map(
    ([name, value]) => `    ${quote(name)}: ${value === null ? 'None' : quote(value)},\n`,
  );
  return `{\n${rows.join('')}}`;
}
