/** What the board says, in its two languages. */
const WORDS = {
  en: {
    other: '中文',
    title: 'Tickcast: live quotes',
    connection: 'Connection',
    address: 'Address',
    token: 'Token',
    symbols: 'Symbols',
    connect: 'Connect',
    name: 'Name',
    price: 'Price',
    change: 'Since open',
    range: 'Low to high',
    open: 'Open',
    high: 'High',
    low: 'Low',
    volume: 'Volume',
    age: 'Age',
    alerts: 'Alerts',
    log: 'Connection log',
    closed: 'closed',
    connecting: 'connecting',
    live: 'live',
    stale: 'stale',
    resuming: 'resuming',
    draining: 'draining',
    lost: (stream, count) => `${stream}: ${count ?? 'an unknown number of'} events lost`,
  },
  zh: {
    other: 'English',
    title: 'Tickcast 实时行情',
    connection: '连接',
    address: '地址',
    token: '令牌',
    symbols: '股票代码',
    connect: '连接',
    name: '名称',
    price: '现价',
    change: '较开盘',
    range: '日内区间',
    open: '开盘',
    high: '最高',
    low: '最低',
    volume: '成交量',
    age: '时效',
    alerts: '告警',
    log: '连接日志',
    closed: '已断开',
    connecting: '连接中',
    live: '实时',
    stale: '数据可能过时',
    resuming: '恢复中',
    draining: '节点下线中',
    lost: (stream, count) => `${stream}：${count === null ? '若干' : count} 条事件丢失`,
  },
};

const NAMES = {
  '0005.HK': { en: 'HSBC', zh: '汇丰控股' },
  '0388.HK': { en: 'HKEX', zh: '香港交易所' },
  '0700.HK': { en: 'Tencent', zh: '腾讯控股' },
  '0939.HK': { en: 'CCB', zh: '建设银行' },
  '0941.HK': { en: 'China Mobile', zh: '中国移动' },
  '1299.HK': { en: 'AIA', zh: '友邦保险' },
  '1810.HK': { en: 'Xiaomi', zh: '小米集团' },
  '2318.HK': { en: 'Ping An', zh: '中国平安' },
  '3690.HK': { en: 'Meituan', zh: '美团' },
  '9988.HK': { en: 'Alibaba', zh: '阿里巴巴' },
};

export const USUAL_SYMBOLS = Object.keys(NAMES);

/** @param {'en' | 'zh'} language */
export const wordsOf = (language) => WORDS[language];

/** A stock's name where it is known, else its symbol. */
export const nameOf = (symbol, language) => NAMES[symbol]?.[language] ?? symbol;
