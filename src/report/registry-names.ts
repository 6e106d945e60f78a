/** A login server of Azure: `contoso.azurecr.io`, and those of other clouds. */
const LOGIN_SERVER = /^([a-z\d-]+)\.azurecr\.(?:io|us|cn|de)$/i;

/** What a person may type for a registry: its name, or its login server. Another registry has its login server alone. */
export function registryNames(loginServer: string): readonly string[] {
  const name = LOGIN_SERVER.exec(loginServer)?.[1];
  return name === undefined ? [loginServer] : [name, loginServer];
}

export function isNameOf(typed: string, loginServer: string): boolean {
  const wanted = typed.trim().toLowerCase();
  return registryNames(loginServer).some((name) => name.toLowerCase() === wanted);
}
