// A page of React escapes by itself.
export const Page = ({ name }: { name: string }) => <p>Hello {name}</p>; // near: node-html-unescaped
